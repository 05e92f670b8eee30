"""The interval: how often it holds the truth, and what it is made of."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import median

import pytest

from warploom.report.suite.table import ends_words, times_words
from warploom.values import speedup as module
from warploom.values.measure import SPEEDUP
from warploom.values.outcome import Timing
from warploom.values.problem import Workload
from warploom.values.speedup import Speedup, median_interval, over_workloads, ratio, speedup, workload_speedup

SERIES = 600
Draw = Callable[[random.Random, int], list[float]]


def quiet(rng: random.Random, count: int) -> list[float]:
    return [rng.gauss(0, 0.01) for _ in range(count)]


def disturbed(rng: random.Random, count: int) -> list[float]:
    return [rng.gauss(0, 0.7 if rng.random() < 0.3 else 0.03) for _ in range(count)]


def correlated(rng: random.Random, count: int) -> list[float]:
    values = [rng.gauss(0, 1)]
    while len(values) < count:
        values.append(0.4 * values[-1] + rng.gauss(0, math.sqrt(1 - 0.16)))
    return values


def coverage(draw: Draw, count: int) -> float:
    rng = random.Random(count)
    held = 0
    for _ in range(SERIES):
        low, high = median_interval(draw(rng, count))
        held += low <= 0 <= high
    return held / SERIES


@pytest.mark.parametrize("count", [3, 4, 5, 8, 20, 60])
@pytest.mark.parametrize("draw", [quiet, disturbed])
def test_the_interval_holds_the_truth_as_often_as_it_says(draw: Draw, count: int) -> None:
    assert 0.93 <= coverage(draw, count) <= 0.995


def test_neighbours_that_are_not_independent_widen_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coverage(correlated, 30) >= 0.92
    monkeypatch.setattr(module, "MOST_CORRELATED", 0.0)
    assert coverage(correlated, 30) < 0.9


def test_outliers_do_not_widen_it() -> None:
    values = quiet(random.Random(1), 40)
    wild = [*values[:-3], 9.0, -9.0, 9.0]
    low, high = median_interval(wild)
    plain = median_interval(values)
    assert high - low < 1.5 * (plain[1] - plain[0])


def test_few_pairs_are_no_certainty() -> None:
    assert median_interval([0.5]) == (-math.inf, math.inf)
    low, high = median_interval([0.0, 0.02])
    assert low < -0.05
    assert high > 0.07
    assert median_interval([0.3] * 7) == (0.3, 0.3)


def timing(rows: int, ratio: float, baseline: str = "eager", spread: float = 0.01) -> Timing:
    rng = random.Random(rows)
    own = tuple(1e6 * math.exp(rng.gauss(0, spread)) for _ in range(21))
    return Timing(Workload(rows=rows), baseline, own, tuple(ratio * 1e6 for _ in own))


def test_over_workloads_the_middle_and_the_worst_stand_apart() -> None:
    timings = [timing(1, 8.0), timing(2, 2.0), timing(3, 1.0), timing(4, 5.0, "compile")]
    found = over_workloads(timings)
    assert found is not None
    assert found.geomean == speedup(timings)
    assert found.geomean.median == pytest.approx(16 ** (1 / 3), rel=0.02)
    assert found.middle.median == pytest.approx(2.0, rel=0.02)
    assert found.worst == workload_speedup(timings[2])
    assert found.worst_workload == "rows=3"
    even = over_workloads([timing(1, 8.0), timing(2, 2.0)])
    assert even is not None
    assert even.middle == even.geomean
    assert over_workloads(timings, "incumbent") is None


def test_the_mean_of_four_workloads_is_known_twice_as_well_as_each() -> None:
    one = workload_speedup(timing(1, 2.0))
    four = speedup([timing(1, 2.0)] * 4)
    assert four is not None
    assert four.median == pytest.approx(one.median)
    assert math.log(four.high / four.low) == pytest.approx(math.log(one.high / one.low) / 2)
    assert one.low < math.exp(median(module.log_ratios(timing(1, 2.0)))) < one.high


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0012, "0.0012"),
        (0.043, "0.043"),
        (0.0949, "0.095"),
        (0.15, "0.15"),
        (2.306, "2.31"),
        (3e-12, "0.000000000"),
        (0.0, "0.00"),
        (math.inf, "inf"),
    ],
)
def test_a_slow_kernel_keeps_two_digits(value: float, shown: str) -> None:
    assert ratio(value) == shown


def test_a_very_slow_kernel_is_not_shown_as_nothing() -> None:
    assert str(Speedup(0.0012, 0.001, 0.0015)) == "0.0012× [0.0010, 0.0015]"
    assert SPEEDUP.interval(math.log(0.0012), (math.log(0.0011), math.log(0.0013))) == "0.0012× [0.0011, 0.0013]"
    assert SPEEDUP.margin(math.log(0.0012), (math.log(0.0011), math.log(0.0013))) == "0.0012× ±8 %"
    assert (times_words(0.0012), ends_words((0.0012, 0.001, 0.0015))) == ("0.0012×", "0.0012× [0.0010, 0.0015]")
