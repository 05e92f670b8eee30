"""What the benchmark keeps of an audit."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from warploom.values.audit import Audit, Encounter, Finding, Pretender, Trial
from warploom.values.problem import Problem, Reference, Tensor, Workload

PROBLEM = Problem("twice", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference("", "", ""), (Workload(n=4),))


def trial(title: str, *guards: str) -> Trial:
    met = tuple(Encounter(f"n={place}", False, guard, 2.0 if guard else 0.5) for place, guard in enumerate(guards))
    return Trial(Pretender("precision", "rounded", (), title), met, "" if met else "no product")


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module("benchmarks.audit")
    monkeypatch.setattr(module, "load_problem", lambda name: PROBLEM)
    return module


def answering(audit: Audit) -> Callable[..., Audit]:
    return lambda problem, cache: audit


def test_passes_and_survivors_are_counted(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ("wrong_result", "wrong_result", "wrong_result")
    trials = (trial("everywhere", *wrong), trial("once", "", "", "wrong_result"), trial("nowhere"))
    good = Audit("twice", "0", trials, (Finding(False, "a call takes 99 ms", "smaller"),), 6)
    out = tmp_path / "audit.json"
    monkeypatch.setattr(benchmark, "audit", answering(good))
    assert benchmark.main(["--problems", "twice", "--out", str(out)]) == 0
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["passed"], row["caught"], row["absent"]) == (True, 2, 1)
    assert row["nearest"] == {"pretender": "once", "caught_at": 1, "of": 3}
    assert "1 of 1 problems passed; 2 pretenders caught" in capsys.readouterr().out
    bad = Audit("twice", "0", (*trials, trial("slips through", "", "")), (), 6)
    monkeypatch.setattr(benchmark, "audit", answering(bad))
    assert benchmark.main(["--problems", "twice", "--out", str(out)]) == 1
    (row,) = json.loads(out.read_text())["rows"]
    assert [one["pretender"] for one in row["survivors"]] == ["slips through"]
    assert "survives: slips through: its largest error" in capsys.readouterr().out
