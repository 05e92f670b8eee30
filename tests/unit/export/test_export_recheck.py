"""`recheck`: every shape of a table against the baseline of today, and the exit code that CI goes by."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from warploom.cli import recheck as command
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.export.advantage import find_kernels
from warploom.search.best.recheck import claimed_problem
from warploom.testing.evidence import PICK_SCALE, PICK_SCALE_KERNEL, made_passed, pick_scale_problem
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed
from warploom.values.problem import Problem, Reference

Make = Callable[..., Path]
Captured = pytest.CaptureFixture[str]


class TodayJudge:
    """Stands in for the judge of this machine: says the speedups it was told to."""

    ratios: Mapping[str, list[float]]
    failure: Failed | None
    jobs: list[Job]

    def __init__(
        self, problem: Problem, *, cache: Path, progress: Callable[[str], None] | None = None, language: str
    ) -> None:
        self._problem = problem
        if progress:
            progress("measuring PyTorch")

    def __enter__(self) -> TodayJudge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def describe(self) -> Mapping[str, Any]:
        return {"toolchain": "g++ 14.1.0"}

    def evaluate(self, job: Job) -> Evaluation:
        TodayJudge.jobs.append(job)
        return TodayJudge.failure or made_passed(job.candidate, self._problem, TodayJudge.ratios)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    TodayJudge.ratios, TodayJudge.failure, TodayJudge.jobs = {"eager": [2.0, 2.0], "compile": [2.0, 2.0]}, None, []
    monkeypatch.setattr(command, "LocalJudge", TodayJudge)
    evidence = json.loads((make("known") / "evidence.json").read_text())
    known = replace(pick_scale_problem(), reference=Reference(**evidence["problem"]["reference"]))
    monkeypatch.setattr("warploom.search.best.recheck.load_problem", lambda word: known)


@pytest.fixture
def exported(make: Make, tmp_path: Path) -> Path:
    place = make(speedups={"eager": [2.0, 1.5], "compile": [1.5, 0.9]})
    assert run(["export", str(place), "--out", str(tmp_path / "export")]) == PASSED
    return tmp_path / "export"


def recheck(capsys: Captured, *words: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["recheck", *map(str, words), "--json"])
    said = capsys.readouterr()
    found: dict[str, Any] = json.loads(said.out)
    return code, found


def test_kernels_that_keep_their_advantage_are_zero(exported: Path, capsys: Captured) -> None:
    code, found = recheck(capsys, exported)
    assert code == PASSED
    assert found["verdict"] == "faster"
    (kernel,) = found["kernels"]
    assert kernel["problem"] == "pick_scale"
    assert [(one["workload"], one["baseline"], one["verdict"]) for one in kernel["shapes"]] == [
        ("rows=8,cols=32", "eager", "faster"),
        ("rows=16,cols=64", "eager", "faster"),
    ]
    assert kernel["shapes"][1]["claimed"]["median"] == pytest.approx(1.5, rel=0.02)
    assert kernel["shapes"][1]["here"]["median"] == pytest.approx(2, rel=0.02)
    assert kernel["differences"][0] == {"name": "processor", "there": "made up", "here": "unknown"}
    assert [job.effort for job in TodayJudge.jobs] == ["promote"]


def test_one_shape_that_lost_its_advantage_is_one(exported: Path, capsys: Captured) -> None:
    TodayJudge.ratios = {"eager": [2.0, 0.95]}
    code, found = recheck(capsys, exported)
    assert (code, found["verdict"]) == (FAILED, "not faster")
    assert [one["verdict"] for one in found["kernels"][0]["shapes"]] == ["faster", "not faster"]


def test_a_kernel_that_is_wrong_today_is_one_and_says_how(exported: Path, capsys: Captured) -> None:
    TodayJudge.failure = Failed("verify", "wrong_result", "scaled[3] is 1")
    code, found = recheck(capsys, exported)
    assert (code, found["verdict"]) == (FAILED, "failed")
    assert found["kernels"][0]["failure"] == {"kind": "wrong_result", "message": "scaled[3] is 1"}
    assert [one["here"] for one in found["kernels"][0]["shapes"]] == [None, None]
    assert run(["recheck", str(exported), "--quiet"]) == FAILED
    said = capsys.readouterr()
    assert "wrong_result: scaled[3] is 1" in said.out
    assert said.err == ""


def test_what_the_noise_hides_fails_only_where_it_is_asked_to(exported: Path, capsys: Captured) -> None:
    TodayJudge.ratios = {"eager": [2.0, 1.012]}
    code, found = recheck(capsys, exported)
    assert (code, found["verdict"]) == (PASSED, "undecided")
    code, found = recheck(capsys, exported, "--strict")
    assert (code, found["verdict"]) == (FAILED, "undecided")


def test_the_baseline_is_the_exports_own_unless_named(make: Make, tmp_path: Path, capsys: Captured) -> None:
    place = make("c", speedups={"eager": [2.0, 2.0], "compile": [1.5, 0.9]})
    assert run(["export", str(place), "--over", "compile", "--out", str(tmp_path / "c-export")]) == PASSED
    TodayJudge.ratios = {"eager": [2.0, 2.0], "compile": [0.9, 0.9]}
    code, found = recheck(capsys, tmp_path / "c-export")
    assert code == FAILED
    assert [(one["workload"], one["baseline"]) for one in found["kernels"][0]["shapes"]] == [
        ("rows=8,cols=32", "compile")
    ], "the shape that was slower is not in the table"
    code, found = recheck(capsys, tmp_path / "c-export", "--over", "eager")
    assert code == PASSED
    code, found = recheck(capsys, place)
    assert len(found["kernels"][0]["shapes"]) == 2, "evidence outside of an export stands for all it was timed on"


def test_text_fits_eighty_columns(exported: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    capsys.readouterr()
    assert run(["recheck", str(exported)]) == PASSED
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].endswith(": faster")
    assert all(len(line) <= 80 for line in lines if not line.startswith("differs"))
    assert "compiler g++ 12.2.0 → g++ 14.1.0" in said.out or "unknown → g++ 14.1.0" in said.out
    assert "measuring PyTorch" in said.err


def test_each_kernel_of_a_tree_is_found_once(make: Make, exported: Path, tmp_path: Path) -> None:
    assert run(["export", str(tmp_path / "best"), "--format", "hub", "--out", str(tmp_path / "hub")]) == PASSED
    assert len(list((tmp_path / "hub").rglob("evidence.json"))) == 2
    assert len(find_kernels(tmp_path / "hub")) == 1
    make("hub/another", source=f"{PICK_SCALE_KERNEL}// another\n")
    assert len(find_kernels(tmp_path / "hub")) == 2
    assert find_kernels(tmp_path / "best") == [tmp_path / "best"]


def test_the_problem_file_is_matched_by_its_text(
    exported: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(PICK_SCALE)
    (tmp_path / "other.py").write_text("another = 1\n")
    asked: list[str] = []
    known = claimed_problem

    def claimed(evidence: Any, word: str) -> Problem:
        asked.append(word)
        return known(evidence, word)

    monkeypatch.setattr(command, "claimed_problem", claimed)
    words = [f"--problem={tmp_path / name}" for name in ("other.py", "mine.py")]
    assert recheck(capsys, exported, *words)[0] == PASSED
    assert asked == [str(tmp_path / "mine.py")]


def test_what_cannot_be_used_is_one_line(exported: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "empty").mkdir()
    manifest = next(exported.rglob("manifest.json"))
    stated = json.loads(manifest.read_text())

    def with_manifest(name: str, text: str) -> Path:
        place = shutil.copytree(exported, tmp_path / name)
        next(place.rglob("manifest.json")).write_text(text)
        return place

    row = stated["table"][0]
    more = {**stated, "table": [{**row, "axes": {"rows": 1, "cols": 1}}]}
    changed = shutil.copytree(exported, tmp_path / "changed")
    next(changed.rglob("kernel.cpp")).write_text("// another\n")
    for words, said in (
        ([tmp_path / "empty"], "holds no exported kernel"),
        ([exported, "--over", "numpy"], "eager, compile"),
        ([with_manifest("broken", "[]")], "no manifest"),
        ([with_manifest("bare", json.dumps({**stated, "table": []}))], "no shape of the table"),
        ([with_manifest("more", json.dumps(more))], "was not timed over eager"),
        ([changed], "is not the kernel"),
        ([exported, "--problem", tmp_path / "none.py"], "no such problem file"),
    ):
        code, found = recheck(capsys, *words)
        assert code == BAD_INPUT, words
        assert said in found["error"], found
