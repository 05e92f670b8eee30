"""`verify`: exit codes, one object, and one clear line for evidence that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from warploom.cli import verify as command
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.testing.synthetic import SyntheticJudge, synthetic_problem
from warploom.testing.world import World
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem

Captured = pytest.CaptureFixture[str]


class HereJudge(SyntheticJudge):
    """Stands in for the judge of this machine."""

    change: Callable[[Passed], Evaluation]

    def __init__(
        self, problem: Problem, *, cache: Path, progress: Callable[[str], None] | None = None, language: str
    ) -> None:
        super().__init__(pairs=20)
        self._progress = progress

    def __enter__(self) -> HereJudge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def describe(self) -> Mapping[str, Any]:
        return {"toolchain": "g++ 14.1.0"}

    def evaluate(self, job: Job) -> Evaluation:
        if self._progress:
            self._progress("measuring PyTorch")
        evaluation = super().evaluate(job)
        assert isinstance(evaluation, Passed)
        return HereJudge.change(evaluation)


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with World(tmp_path_factory.mktemp("world")).begin(evaluations=40) as made:
        return made.go().run / "best"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    HereJudge.change = staticmethod(lambda evaluation: evaluation)
    monkeypatch.setattr(command, "LocalJudge", HereJudge)
    monkeypatch.setattr("warploom.search.best.recheck.load_problem", lambda word: synthetic_problem())


def test_a_claim_that_holds_is_zero_and_one_object(best: Path, capsys: Captured) -> None:
    assert run(["verify", str(best), "--problem", "twice.py", "--json"]) == PASSED
    said = capsys.readouterr()
    assert "measuring PyTorch" in said.err, "whoever waits sees that something goes on"
    found = json.loads(said.out)
    assert found["standing"] == "holds"
    assert found["claimed"]["low"] <= found["measured"]["high"]
    assert found["here"]["status"] == "passed"
    assert found["differences"] == [{"name": "compiler", "there": "unknown", "here": "g++ 14.1.0"}]
    assert found["claim"]["speedup"]["eager"]["geomean"]["median"] == pytest.approx(
        found["claimed"]["median"], rel=1e-3
    )


def test_a_claim_that_is_weaker_or_wrong_here_is_one(best: Path, capsys: Captured) -> None:
    def slower(evaluation: Passed) -> Evaluation:
        timings = (replace(one, samples_ns=tuple(1.3 * ns for ns in one.samples_ns)) for one in evaluation.timings)
        return replace(evaluation, timings=tuple(timings))

    HereJudge.change = staticmethod(slower)
    assert run(["verify", str(best), "--problem", "twice.py"]) == FAILED
    said = capsys.readouterr()
    assert "weaker here" in said.out
    assert "g++ 14.1.0" in said.out
    assert "measuring PyTorch" in said.err
    HereJudge.change = staticmethod(lambda evaluation: Failed("verify", "wrong_result", "out[3] is 1"))
    assert run(["verify", str(best / "evidence.json"), "--problem", "twice.py", "--quiet"]) == FAILED
    said = capsys.readouterr()
    assert "does not hold here: the kernel failed here (wrong_result)" in " ".join(said.out.split())
    assert said.err == ""


def test_a_claim_that_was_measured_among_bystanders_carries_a_caution(
    best: Path, tmp_path: Path, capsys: Captured
) -> None:
    document = json.loads((best / "evidence.json").read_text())
    document["claim"]["busy"] = 0.43
    (tmp_path / "evidence.json").write_text(json.dumps(document))
    run(["verify", str(tmp_path), "--problem", "twice.py"])
    assert "measured while 43% of the machine was at work for others" in " ".join(capsys.readouterr().out.split())


def test_tampered_and_missing_evidence_is_bad_input(best: Path, tmp_path: Path, capsys: Captured) -> None:
    text = (best / "evidence.json").read_text()
    (tmp_path / "evidence.json").write_text(text)
    (tmp_path / "kernel.cpp").write_text("void twice();\n")
    assert run(["verify", str(tmp_path), "--json"]) == BAD_INPUT
    assert "kernel.cpp is not the kernel of" in json.loads(capsys.readouterr().out)["error"]
    assert run(["verify", str(tmp_path / "none"), "--json"]) == BAD_INPUT
    assert "best/ folder" in json.loads(capsys.readouterr().out)["error"]


def test_a_problem_that_is_not_here_is_bad_input_and_says_what_to_give(best: Path, capsys: Captured) -> None:
    assert run(["verify", str(best)]) == BAD_INPUT
    assert "--problem" in capsys.readouterr().err


def test_text_fits_eighty_columns(best: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run(["verify", str(best), "--problem", "twice.py"])
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())
