"""What the coverage benchmark counts, on noise whose answer is known."""

from __future__ import annotations

import importlib
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from warploom.judge.timing.sampling import PROMOTE, SCREEN
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation
from warploom.values.outcome import Passed


@pytest.fixture
def coverage() -> ModuleType:
    return importlib.import_module("benchmarks.coverage")


def biased(rng: random.Random) -> Iterator[float]:
    """Noise that always says five per cent faster."""
    while True:
        yield 0.05 + rng.gauss(0, 0.001)


def test_noise_that_lies_is_never_covered_and_always_promoted(coverage: ModuleType) -> None:
    (found,) = coverage.simulate({"biased": biased}, 10).values()
    assert set(found["fixed"].values()) == {0.0}
    assert found["screen"]["coverage"] == found["promote"]["coverage"] == 0.0
    assert set(found["promoted"].values()) == {1.0}


def test_the_interval_is_counted_by_the_stopping_rule_of_the_judge(coverage: ModuleType) -> None:
    quiet = coverage.INDEPENDENT["quiet"]
    screened = coverage.stopped_coverage(quiet, SCREEN, coverage.SCREEN_PAIR_S, 200)
    promoted = coverage.stopped_coverage(quiet, PROMOTE, coverage.PROMOTE_PAIR_S, 200)
    assert screened["coverage"] >= 0.9
    assert promoted["coverage"] >= 0.9
    assert SCREEN.least <= screened["pairs"] <= SCREEN.most
    assert PROMOTE.least <= promoted["pairs"] <= PROMOTE.most
    assert promoted["half_width"] < screened["half_width"]


def test_the_promotion_rule_lets_in_what_is_faster_and_nothing_else(coverage: ModuleType) -> None:
    quiet = coverage.INDEPENDENT["quiet"]
    assert coverage.promotion(quiet, 0.0, 50) == 0.0
    assert coverage.promotion(quiet, 0.10, 50) == 1.0


def test_every_model_is_noise_about_nothing(coverage: ModuleType) -> None:
    for name, noise in (coverage.INDEPENDENT | coverage.DEPENDENT).items():
        values = sorted(itertools.islice(noise(random.Random(1)), 20_000))
        assert abs(values[len(values) // 2]) < 0.004, name


def test_a_measurement_is_held_against_the_known_slowdown(coverage: ModuleType) -> None:
    evaluation = synthetic_evaluation(synthetic_candidate(), effort="promote", pairs=20)
    assert isinstance(evaluation, Passed)
    beside = [coverage.paired([value + 0.0488 for value in (-0.01, 0.01, 0.0) * 7])]
    row = coverage._row(type(evaluation)(evaluation.build, evaluation.verdict, tuple(beside)), 0.05, 0.01)
    assert row["holds"]
    assert row["workloads_hold"] == 1.0
    assert row["promoted"]
    assert abs(row["off"]) < 1e-3
    wrong = coverage._row(type(evaluation)(evaluation.build, evaluation.verdict, tuple(beside)), 0.20, 0.01)
    assert not wrong["holds"]
    assert wrong["workloads_hold"] == 0.0
    assert not wrong["holds_within_floor"]
    summary = coverage._summary([row, row, {**row, "holds": False}], 0.05)
    assert summary["count"] == 3
    assert summary["holds"] == pytest.approx(2 / 3)


def test_recorded_noise_is_cut_into_stretches(coverage: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "noise.json"
    even = {"own_ns": [100.0, 101.0] * 30, "other_ns": [101.0, 100.0] * 30}
    apart = {"own_ns": [100.0, 101.0] * 30, "other_ns": [200.0, 201.0] * 30}
    path.write_text(json.dumps({"states": {"quiet": {"comparisons": [{"timings": [even, apart]}]}}}))
    found = coverage.recorded(path)["quiet"]
    assert found["20"] == {"stretches": 6, "holds": 0.5}
    assert found["60"] == {"stretches": 2, "holds": 0.5}


def test_it_writes_and_prints_and_complains_when_the_truth_is_missed(
    coverage: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "PAIRS", (5, 10))
    out = tmp_path / "coverage.json"
    monkeypatch.setattr(coverage, "DEPENDENT", {})
    monkeypatch.setattr(coverage, "INDEPENDENT", {"quiet": coverage.INDEPENDENT["quiet"]})
    assert coverage.main(["--series", "150", "--out", str(out)]) == 0
    assert "| quiet |" in capsys.readouterr().out
    assert set(json.loads(out.read_text())["simulation"]) == {"quiet"}
    monkeypatch.setattr(coverage, "INDEPENDENT", {"biased": biased})
    assert coverage.main(["--series", "5", "--out", str(out)]) == 1
    assert "too rarely: biased, 5" in capsys.readouterr().out
