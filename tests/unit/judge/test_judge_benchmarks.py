"""The judge's benchmarks with a judge that answers at once."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from warploom.values.job import Job
from warploom.values.outcome import Build, Check, Evaluation, Passed, Timing, Verdict
from warploom.values.problem import Problem


class QuickJudge:
    """Says of every kernel that it is so many times faster than eager."""

    noise_floor = 0.01

    def __init__(self, problem: Problem, *, cache: Path) -> None:
        self.problem = problem
        self.jobs: list[Job] = []

    ratio: Callable[[int], float] = staticmethod(lambda number: 1.0)

    def prepare(self) -> None:
        pass

    def describe(self) -> dict[str, Any]:
        return {}

    def evaluate(self, job: Job) -> Evaluation:
        self.jobs.append(job)
        ratio = type(self).ratio(len(self.jobs))
        timings = tuple(
            Timing(workload, baseline, (1e6,) * 20, (times * 1e6,) * 20)
            for workload in self.problem.workloads
            for baseline, times in (("eager", 2.0 + len(self.jobs)), ("incumbent", ratio))
        )
        verdict = Verdict((Check("n=1", 1, 0.0, 0.0, -1),))
        elapsed = {"build": 10_000_000, "load": 20_000_000, "verify": 30_000_000, "time": 40_000_000}
        return Passed(Build("k.so", "", "g++", (), "", 0), verdict, timings, elapsed_ns=elapsed)

    def __enter__(self) -> QuickJudge:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr(module, "LocalJudge", QuickJudge)
    return module


def test_turnaround_tells_every_stage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turnaround = load("turnaround", monkeypatch)
    out = tmp_path / "results" / "turnaround.json"
    assert turnaround.main(["--candidates", "4", "--cache", str(tmp_path), "--out", str(out)]) == 0
    result = json.loads(out.read_text())
    assert [row["kernel"] for row in result["candidates"]] == ["seed", "moved", "seed", "moved"]
    assert result["summary_seconds"]["verify"]["median"] == pytest.approx(0.03)
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("build", "waiting", "total", "moved", "0 of 4 failed"))


def test_turnaround_candidates_are_all_different(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    turnaround = load("turnaround", monkeypatch)
    seen: list[str] = []
    plain = QuickJudge.evaluate

    def evaluate(self: QuickJudge, job: Job) -> Evaluation:
        seen.append(job.candidate.id)
        return plain(self, job)

    monkeypatch.setattr(QuickJudge, "evaluate", evaluate)
    turnaround.main(["--candidates", "6", "--cache", str(tmp_path), "--out", str(tmp_path / "t.json")])
    assert len(set(seen)) == 6


@pytest.mark.parametrize(("drifting", "promoted"), [(False, 0), (True, 3)])
def test_aa_counts_what_the_search_would_promote(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    drifting: bool,
    promoted: int,
) -> None:
    aa = load("aa", monkeypatch)
    monkeypatch.setattr(QuickJudge, "ratio", staticmethod(lambda number: 1.1 if drifting else 1.0))
    out = tmp_path / "aa.json"
    words = ["--comparisons", "3", "--load", "1", "--problem", "softmax", "--cache", str(tmp_path), "--out", str(out)]
    assert aa.main(words) == (1 if promoted else 0)
    result = json.loads(out.read_text())
    assert len(result["comparisons"]) == 3
    assert result["promoted"] == promoted
    assert sum(row["over_eager_promoted"] for row in result["comparisons"]) == 2
    assert "promoted over itself" in capsys.readouterr().out


def test_the_load_is_there_and_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    aa = load("aa", monkeypatch)
    before = _children()
    with aa.load(2):
        burners = _children() - before
        assert len(burners) == 2
    assert not _children() & burners


@pytest.mark.parametrize("name", ["turnaround", "aa"])
def test_help_is_there_and_nonsense_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(name, monkeypatch)
    with pytest.raises(SystemExit) as raised:
        module.main(["--help"])
    assert raised.value.code == 0
    with pytest.raises(SystemExit) as raised:
        module.main(["--candidates" if name == "turnaround" else "--comparisons", "0"])
    assert raised.value.code == 2


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return -1


def _children() -> set[Path]:
    """The processes that this one started and has not waited for."""
    return {entry for entry in Path("/proc").glob("[0-9]*/stat") if _parent(entry) == os.getpid()}
