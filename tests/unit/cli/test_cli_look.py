"""show, best and diff, on a run that is there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.archive.encode import to_plain
from warploom.cli.main import BAD_INPUT, run
from warploom.search.best.folder import write_best
from warploom.search.best.promotion import judge_again
from warploom.testing.chronicle import Chronicle
from warploom.values.candidate import Candidate, Lineage, Proposal, Step
from warploom.values.config import RunConfig
from warploom.values.event import Asked, Evaluated, Promoted, Proposed, RunEnded, RunStarted
from warploom.values.outcome import Build, Check, Evaluation, Failed, Mint, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Tensor, Workload, describe

Captured = pytest.CaptureFixture[str]

SEED = "void twice(const float* x, float* out, long n) {\n    for (long i = 0; i < n; ++i) out[i] = 2 * x[i];\n}\n"
FASTER = SEED.replace("    for", "#pragma omp parallel for\n    for")
NOTE = "[parallel] " + "and more " * 20


def problem() -> Problem:
    return Problem(
        name="twice",
        axes=("n",),
        inputs={"x": Tensor("n")},
        outputs={"out": Tensor("n")},
        reference=Reference("twice.py", "twice", "00"),
        workloads=(Workload(n=64),),
    )


def timed(ratio: float, baseline: str) -> Timing:
    own = tuple(1e6 + number for number in range(20))
    return Timing(Workload(n=64), baseline, own, tuple(ratio * sample for sample in own))


def passed(candidate: Candidate, ratio: float, *baselines: str) -> Passed:
    return Passed(
        Build("a.so", "00", "g++ 12.2.0", (), "", 1, {}),
        Verdict((Check("n=64", 1, 0.0, 0.5, 0),)),
        tuple(timed(ratio / (index + 1), name) for index, name in enumerate(baselines)),
        {"noise_floor": 0.01, "busy": 0.43},
        mint=Mint(candidate.id, "00", candidate.problem, "eager", "test"),
    )


class Written:
    """The run and the ids in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seed = self.candidate(SEED)
        self.faster = self.candidate(FASTER)
        self.broken = self.candidate("nonsense")

    def candidate(self, text: str) -> Candidate:
        return Candidate(problem().hash, "cpp", (("kernel.cpp", text),), "twice")

    def write(self, *, no_compile: bool = False) -> None:
        config = RunConfig(problem="twice", evaluations=20)
        environment = {
            "sandbox": {"jail": "rlimits", "gaps": ["files"]},
            "baselines": {"eager": {}, "compile": {"absent": {"n=64": "no headers"} if no_compile else {}}},
        }
        started = RunStarted(config.to_mapping(), describe(problem()), environment, "0.1.0")
        with journals.create(self.folder, started) as journal:
            lineage = Lineage(
                (self.seed.id,), "moves", "grow", self.seed.id, (Step("parallel", "twice:i"),), "[parallel]"
            )
            broken = Failed("build", "compile_error", "it is nonsense")
            judged: tuple[tuple[Candidate, Lineage, Evaluation], ...] = (
                (self.seed, Lineage(), passed(self.seed, 1.0, "eager")),
                (self.faster, lineage, passed(self.faster, 3.0, "eager")),
                (self.broken, lineage, broken),
            )
            for number, (candidate, made, outcome) in enumerate(judged):
                journal.append(Asked(number, made.operator, (), (), None, 0, number, 0.0))
                journal.append(
                    Proposed(number, candidate.id, made.proposer, made.operator, made.note),
                    proposal=Proposal(candidate, made),
                )
                fit = None if isinstance(outcome, Failed) else math.log(3.0 if number else 1.0)
                kind = outcome.kind if isinstance(outcome, Failed) else "passed"
                status = "failed" if fit is None else "new"
                cell = None if fit is None else (number, 0, 0)
                journal.append(
                    Evaluated(number, candidate.id, kind, "", "", fit, 0.01, cell, 0, status),
                    evaluation=outcome,
                    elapsed=10.0 * (number + 1),
                )
            again = passed(self.faster, 2.9, "eager", *([] if no_compile else ["compile"]))
            journal.keep(self.faster.id, again, "promote")
            verdict = judge_again(self.faster.id, again, None)
            assert isinstance(verdict, Promoted)
            write_best(journal, Proposal(self.faster, lineage), again, verdict, to_plain(journal.started))
            journal.append(verdict, elapsed=40.0)
            journal.append(RunEnded("20 evaluations done"), elapsed=60.0)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    run = Written(tmp_path / "run")
    run.write()
    return run


def asked(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    assert run([*words, "--json"]) == code
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    found: dict[str, Any] = json.loads(out)
    return found


def test_show_counts_and_lists_the_elites(written: Written, capsys: Captured) -> None:
    found = asked(capsys, "show", str(written.folder))
    assert found["evaluations"] == 3
    assert found["failures"] == {"compile_error": 1}
    assert found["best"] == written.faster.id
    assert found["speedup"]["eager"]["median"] == pytest.approx(2.9, rel=1e-3)
    assert found["speedup"]["compile"]["median"] == pytest.approx(1.45, rel=1e-3)
    assert {elite["candidate"] for elite in found["elites"]} == {written.seed.id, written.faster.id}
    assert found["finished"]
    assert found["busy"] == 0.43
    assert found["minutes"] == 1.0
    assert found["workloads"][0]["kernel_ns"] == pytest.approx(1e6, rel=1e-3)
    assert Path(found["kernel"]).is_file()
    assert Path(found["evidence"]).is_file()


def test_show_for_people_fits_and_names_the_gaps(
    written: Written, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["show", str(written.folder)]) == 0
    text = capsys.readouterr().out
    for piece in (
        "twice",
        "2.90×",
        "compile_error 1",
        written.faster.id,
        "not protected: files",
        "43% of the machine",
        "grow: [parallel]",
        "1,0,0",
    ):
        assert piece in text
    assert all(len(line) <= 80 for line in text.splitlines() if "/" not in line)


def test_show_of_a_candidate_is_whole(written: Written, capsys: Captured) -> None:
    found = asked(capsys, "show", str(written.folder), written.faster.id[:6])
    assert found["candidate"] == written.faster.id
    assert found["sources"]["kernel.cpp"] == written.faster.source
    assert found["lineage"]["steps"] == ["parallel(twice:i)"]
    assert found["screened"]["status"] == "passed"
    assert found["promoted"]["speedup"]["compile"] is not None
    assert run(["show", str(written.folder), "best"]) == 0
    text = capsys.readouterr().out
    assert "#pragma omp parallel for" in text
    assert "[parallel]" in text


def test_show_of_a_failure_says_why(written: Written, capsys: Captured) -> None:
    found = asked(capsys, "show", str(written.folder), written.broken.id)
    assert found["screened"]["kind"] == "compile_error"
    assert found["promoted"] is None


def test_best_prints_the_kernel_byte_for_byte(written: Written, capsys: Captured) -> None:
    assert run(["best", str(written.folder)]) == 0
    assert capsys.readouterr().out == (written.folder / "best" / "kernel.cpp").read_text()
    assert asked(capsys, "best", str(written.folder))["source"] == written.faster.source


@pytest.mark.parametrize("words", [[], ["--seed"], ["best"]])
def test_diff_shows_what_came(words: list[str], written: Written, capsys: Captured) -> None:
    assert run(["diff", str(written.folder), *words]) == 0
    assert "+#pragma omp parallel for" in capsys.readouterr().out
    found = asked(capsys, "diff", str(written.folder), *words)
    assert (found["from"], found["to"]) == (written.seed.id, written.faster.id)
    assert (found["added"], found["removed"]) == (1, 0)


@pytest.mark.parametrize("command", ["show", "best", "diff", "resume"])
def test_no_run_there_is_one_line(command: str, tmp_path: Path, capsys: Captured) -> None:
    found = asked(capsys, command, str(tmp_path / "nothing"), code=BAD_INPUT)
    assert "nothing" in found["error"]


@pytest.mark.parametrize("command", ["show", "best", "diff", "resume"])
def test_a_corrupt_journal_is_one_line(command: str, written: Written, capsys: Captured) -> None:
    (written.folder / "journal.db").write_bytes(b"this is no database " * 500)
    found = asked(capsys, command, str(written.folder), code=BAD_INPUT)
    assert "journal.db" in found["error"]


@pytest.mark.parametrize("word", ["ffffffff", "nope", ""])
def test_an_unknown_candidate_is_one_line(word: str, written: Written, capsys: Captured) -> None:
    if word:
        assert word in asked(capsys, "show", str(written.folder), word, code=BAD_INPUT)["error"]


def test_the_seed_has_no_parent(written: Written, capsys: Captured) -> None:
    assert "no parent" in asked(capsys, "diff", str(written.folder), written.seed.id, code=BAD_INPUT)["error"]


def test_a_run_without_a_best_says_so(tmp_path: Path, capsys: Captured) -> None:
    started = RunStarted(RunConfig(problem="twice").to_mapping(), {"name": "twice"}, {}, "0.1.0")
    journals.create(tmp_path / "young", started).close()
    assert "no promoted kernel" in asked(capsys, "best", str(tmp_path / "young"), code=BAD_INPUT)["error"]
    found = asked(capsys, "show", str(tmp_path / "young"))
    assert (found["best"], found["evaluations"], found["finished"]) == ("", 0, False)


def test_a_run_whose_start_failed_says_what_helps(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "dead"
    mend = "failed: wrong at 7; mend mine.cpp and begin a new run: warploom evolve twice --start mine.cpp"
    with Chronicle(folder, start="mine.cpp") as chronicle:
        chronicle.judged(None, failure=("verify", "wrong_result", "wrong at 7"))
        for words in (["best", str(folder)], ["resume", str(folder)], ["show", str(folder), "best"]):
            if words[0] == "resume":
                chronicle.journal.close()  # a run is in use while it is open for writing
            assert mend in asked(capsys, *words, code=BAD_INPUT)["error"], words
        assert mend in asked(capsys, "export", str(folder), "--out", str(tmp_path / "x"), code=BAD_INPUT)["error"]
        assert mend in asked(capsys, "ask", str(folder), code=BAD_INPUT)["error"]


def test_a_run_that_ended_without_a_best_is_not_said_to_go_on(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "over"
    with Chronicle(folder) as chronicle:
        chronicle.judged(0.0)
        assert f"go on with: warploom resume {folder}" in asked(capsys, "best", str(folder), code=BAD_INPUT)["error"]
        chronicle.ended("2 evaluations are done")
    error = asked(capsys, "export", str(folder), "--out", str(tmp_path / "x"), code=BAD_INPUT)["error"]
    assert "the run has ended (2 evaluations are done); warploom evolve twice begins another" in error
    assert run(["show", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "begins another" in said
    assert "warploom diff" not in said, "there is nothing to compare"


def test_nothing_is_broken_where_no_terminal_has_an_end(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "wrong at " + " ".join(f"[{number}]" for number in range(100))
    with Chronicle(tmp_path / "dead") as chronicle:
        chronicle.judged(None, failure=("verify", "wrong_result", long))
        chronicle.ended()
    assert run(["show", str(tmp_path / "dead")]) == 0
    assert long in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["show", str(tmp_path / "dead")]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[1:4])) <= 60, "who says how wide it may be is heard"


def test_a_baseline_that_is_absent_is_null_with_its_reason(tmp_path: Path, capsys: Captured) -> None:
    without = Written(tmp_path / "without")
    without.write(no_compile=True)
    found = asked(capsys, "show", str(without.folder))
    assert found["speedup"]["compile"] is None
    assert found["absent_baselines"] == {"compile": "no headers"}
    assert run(["show", str(without.folder)]) == 0
    assert "torch.compile: not timed: no headers" in capsys.readouterr().out
