from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.errors import SourceError
from warploom.testing.synthetic import SyntheticJudge, SyntheticProposer, synthetic_candidate, synthetic_problem
from warploom.values.job import Job
from warploom.values.outcome import Evaluation
from warploom.values.problem import Problem


class Counting(SyntheticJudge):
    """Counts what is really measured."""

    measured: list[tuple[str, str]]

    def __init__(self) -> None:
        super().__init__(0.1)
        self.measured = []

    def evaluate(self, job: Job) -> Evaluation:
        assert job.effort == "promote" or job.incumbent is None
        self.measured.append((job.effort, job.candidate.id))
        return super().evaluate(job)


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module("benchmarks.study")
    monkeypatch.setattr(module, "load_problem", lambda name: synthetic_problem())
    monkeypatch.setattr(module, "starting_candidate", lambda config, problem: synthetic_candidate())
    monkeypatch.setattr(module, "make_proposer", lambda *_: SyntheticProposer(0.05))
    return module


def run(study: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, problems: str, *words: str) -> Counting:
    counting = Counting()

    @contextmanager
    def opened(problem: Problem) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        yield study.SharedJudge(counting), {}

    files = ["--runs", str(folder / "runs"), "--out", str(folder / "study.json")]
    monkeypatch.setattr(sys, "argv", ["study.py", "--problems", problems, "--evaluations", "12", *files, *words])
    study.main(opened)
    return counting


def test_every_variant_runs_with_the_same_budget_and_the_table_compares_them(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(study, tmp_path, monkeypatch, "a,b", "--seeds", "0,1")
    rows = json.loads((tmp_path / "study.json").read_text())["rows"]
    assert len(rows) == 2 * 2 * len(study.VARIANTS)
    assert {row["evaluations"] for row in rows} == {12}
    assert len({(row["problem"], row["seed"], row["variant"]) for row in rows}) == len(rows)
    for variant, chosen in study.VARIANTS.items():
        with journals.read(tmp_path / "runs" / f"b-1-{variant}-12") as journal:
            config = journal.started.config
            assert {name: config[name] for name in chosen} == chosen
            assert (config["seed"], config["evaluations"]) == (1, 12)
    table = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if " of 4 " in line}
    assert set(table) == set(study.VARIANTS)


def test_runs_share_first_measurements_and_nothing_else(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = run(study, tmp_path, monkeypatch, "a", "--seeds", "0")
    screened = [candidate for effort, candidate in judge.measured if effort == "screen"]
    assert len(screened) == len(set(screened)) < 12 * len(study.VARIANTS)
    rows = json.loads((tmp_path / "study.json").read_text())["rows"]
    assert sum(row["told"] for row in rows) == 12 * len(rows) - len(screened)
    promoted = [candidate for effort, candidate in judge.measured if effort == "promote"]
    assert len(promoted) > len(set(promoted)), "each run measures its own best"
    last = promoted[-len({row["best"] for row in rows}) :]
    assert sorted(last) == sorted({row["best"] for row in rows}), "and in the end all are measured again"
    best = {row["best"]: tmp_path / "runs" / f"a-0-{row['variant']}-12" for row in rows}
    assert {row["best"]: row["eager"] for row in rows} == study.measured_again(best, Counting())
    otherwise = study.measured_again(best, SyntheticJudge(pairs=9))
    assert otherwise.keys() == best.keys()
    assert otherwise != study.measured_again(best, Counting()), "by the judge, not out of the journal"
    assert study.measured_again(best, SyntheticJudge(failing=1.0)) == {}


def test_a_study_goes_on_where_it_stopped(study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(study, tmp_path, monkeypatch, "a", "--seeds", "0", "--variants", "islands,greedy")
    first = json.loads((tmp_path / "study.json").read_text())["rows"]
    judge = run(study, tmp_path, monkeypatch, "a", "--seeds", "0")
    second = json.loads((tmp_path / "study.json").read_text())["rows"]
    kept = [row for row in second if row["variant"] in {"islands", "greedy"}]
    assert sorted(row["eager"] for row in kept) == sorted(row["eager"] for row in first)
    known = set()
    for variant in ("islands", "greedy"):
        with journals.read(tmp_path / "runs" / f"a-0-{variant}-12") as journal:
            known |= set(journal.candidates())
    assert not known & {candidate for effort, candidate in judge.measured if effort == "screen"}


def test_a_run_that_cannot_be_made_counts_as_pytorch_and_says_why(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(*_: object) -> None:
        raise SourceError("no seed here")

    monkeypatch.setattr(study, "starting_candidate", absent)
    run(study, tmp_path, monkeypatch, "a", "--seeds", "0", "--variants", "random")
    (row,) = json.loads((tmp_path / "study.json").read_text())["rows"]
    assert (row["eager"], row["error"]) == (1.0, "no seed here")
    assert "no seed here" in capsys.readouterr().out
