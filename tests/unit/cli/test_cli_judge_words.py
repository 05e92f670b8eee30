"""What `judge` makes of its words, without judging anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest

from warploom.cli import judge as command
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.sandbox.jail import Jail
from warploom.values.job import Job
from warploom.values.outcome import Build, Check, Evaluation, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Tensor, Workload

Captured = pytest.CaptureFixture[str]
PROBLEM = Problem("twice", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference("", "", ""), (Workload(n=4),))


def test_flags_come_from_the_evidence_of_the_same_source(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel.cpp"
    kernel.write_text("void f();\n")
    assert command.read_candidate(PROBLEM, kernel).build_flags == ()
    digest = hashlib.sha256(kernel.read_bytes()).hexdigest()
    evidence = {"sources": [{"sha256": digest}], "build_flags": ["-ffast-math"]}
    (tmp_path / "evidence.json").write_text(json.dumps(evidence))
    assert command.read_candidate(PROBLEM, kernel).build_flags == ("-ffast-math",)
    assert command.read_candidate(PROBLEM, kernel, ("-O2",)).build_flags == ("-O2",)
    kernel.write_text("void g();\n")
    assert command.read_candidate(PROBLEM, kernel).build_flags == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sources": [{"sha256": 1}]}'])
def test_broken_evidence_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text(text)
    assert command.recorded_flags(tmp_path / "kernel.cpp", b"x") == ()


class RecordedJudge:
    """Answers with what the test wants and keeps the job."""

    answer: Evaluation
    jobs: list[Job]

    def __init__(
        self, problem: Problem, *, cache: Path, progress: Callable[[str], None] | None = None, language: str = "cpp"
    ) -> None:
        self.progress, self.language = progress, language

    def __enter__(self) -> RecordedJudge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def evaluate(self, job: Job) -> Evaluation:
        if self.progress:
            self.progress("measuring PyTorch")
        RecordedJudge.jobs.append(job)
        return RecordedJudge.answer


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    RecordedJudge.jobs = []
    monkeypatch.setattr(command, "LocalJudge", RecordedJudge)
    monkeypatch.setattr(command, "load_problem", lambda word: PROBLEM)
    path = tmp_path / "kernel.cpp"
    path.write_text("void twice();\n")
    return path


def test_a_pass_is_zero_and_one_object(kernel: Path, capsys: Captured) -> None:
    timings = tuple(Timing(Workload(n=4), name, (1.0,) * 20, (3.0,) * 20) for name in ("eager", "compile"))
    verdict = Verdict((Check("n=4", 1, 0.0, 0.0, 0),))
    RecordedJudge.answer = Passed(Build("", "", "g++ 12", (), "", 0), verdict, timings)
    assert run(["judge", "twice", str(kernel), "--flag=-O2", "--json"]) == PASSED
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["status"] == "passed"
    assert set(found["speedup"]) == {"eager", "compile"}
    assert set(found["speedup"]["eager"]) == {"median", "low", "high", "geomean", "middle", "worst"}
    assert found["speedup"]["eager"]["worst"]["workload"] == "n=4"
    assert "measuring PyTorch" in said.err, "whoever waits sees that something goes on"
    (job,) = RecordedJudge.jobs
    assert job.effort == "promote"
    assert job.candidate.build_flags == ("-O2",)
    assert job.problem == PROBLEM.hash


def test_a_failure_is_one_and_says_why(kernel: Path, capsys: Captured) -> None:
    RecordedJudge.answer = Failed("verify", "wrong_result", "out[0] is 1")
    assert run(["judge", "twice", str(kernel), "--json"]) == FAILED
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["stage"], found["kind"]) == ("failed", "verify", "wrong_result")
    assert run(["judge", "twice", str(kernel)]) == FAILED
    said = capsys.readouterr()
    assert "wrong_result" in said.out
    assert "measuring PyTorch" in said.err
    assert run(["judge", "twice", str(kernel), "--quiet"]) == FAILED
    assert capsys.readouterr().err == ""


def test_the_gaps_of_the_sandbox_stand_beside_the_verdict(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(command, "find_jail", lambda: Jail("rlimits", ("files: all of them",)))
    RecordedJudge.answer = Failed("verify", "wrong_result", "out[0] is 1")
    run(["judge", "twice", str(kernel), "--json"])
    sandbox = json.loads(capsys.readouterr().out)["sandbox"]
    assert sandbox == {"jail": "rlimits", "gaps": ["files: all of them"]}
    run(["judge", "twice", str(kernel)])
    assert "files: all of them" in capsys.readouterr().err


def test_a_missing_file_and_a_binary_one_are_bad_input(kernel: Path, capsys: Captured) -> None:
    assert run(["judge", "twice", str(kernel.with_name("nothing.cpp")), "--json"]) == BAD_INPUT
    assert "nothing.cpp" in json.loads(capsys.readouterr().out)["error"]
    assert run(["judge", "twice", str(kernel.parent), "--json"]) == BAD_INPUT
    assert "directory" in json.loads(capsys.readouterr().out)["error"]
    kernel.write_bytes(b"\xff\xfe\x00")
    assert run(["judge", "twice", str(kernel), "--json"]) == BAD_INPUT
    assert "UTF-8" in json.loads(capsys.readouterr().out)["error"]
