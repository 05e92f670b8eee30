from __future__ import annotations

import importlib
import math
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def trials() -> ModuleType:
    return importlib.import_module("benchmarks.trial")


def evaluated(number: int, candidate: str, fitness: float | None, stage: str = "") -> dict[str, Any]:
    outcome = "failed" if fitness is None else "passed"
    return {
        "kind": "Evaluated", "number": number, "candidate": candidate, "fitness": fitness, "stage": stage,
        "outcome": outcome,
    }  # fmt: skip


def promoted(candidate: str, speed: float) -> dict[str, Any]:
    return {"kind": "Promoted", "candidate": candidate, "speedup": {"eager": [speed, speed, speed]}}


def test_before_after_and_the_curve(trials: ModuleType) -> None:
    events = [
        evaluated(0, "seed", 0.0),
        promoted("seed", 1.5),
        evaluated(1, "moved", 0.7),
        promoted("moved", 2.0),
        evaluated(2, "broken", None, "build"),
        evaluated(3, "wrong", None, "verify"),
        evaluated(4, "better", math.log(3.5)),
        promoted("better", 3.0),
        {"kind": "NotPromoted", "candidate": "slower"},
        evaluated(5, "slower", math.log(2.5)),
    ]
    found = trials.trial("p", events, {2, 3, 4, 5})
    assert (found.before, found.after) == (2.0, 3.0)
    assert (found.proposals, found.built, found.passed, found.improved) == (4, 3, 2, 1)
    assert found.curve == [2.0, 2.0, 3.0, 3.0]
    assert found.tried == [None, None, pytest.approx(3.5), pytest.approx(2.5)]


def test_the_recorded_trials_are_whole(trials: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert trials.main([]) == 0
    said = capsys.readouterr().out
    for path in trials.RECORDS.glob("*.jsonl.gz"):
        problem, events, agents = trials.told(path)
        found = trials.trial(problem, events, agents)
        assert len(agents) == found.proposals == len(found.curve)
        assert f"{problem:<16} {found.before:>7.2f}× {found.after:>7.2f}×" in said
