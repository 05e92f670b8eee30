"""Speedups and their intervals, derived from raw paired samples and never stored.

The statistic is the median of the paired log-ratios. Its interval lies between two of the sorted log-ratios, the ones
that the sign test leaves (Thompson 1936), between neighbours by interpolation: no assumption about how the noise is
distributed, and outliers, which a shared machine has in plenty, do not widen it. Neighbouring pairs are not quite
independent, so the number of pairs is reduced to the effective number of independent ones, for an autoregressive
series (Bayley and Hammersley 1946), from the autocorrelation of their signs with its bias removed (Marriott and Pope
1954). Fewer than five values hold no two that enclose the median often enough; they get Student's t.

How often such an interval covers the truth is in ``docs/statistics.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, stdev

from warploom.values.outcome import Timing

NORMAL = 1.96
"""Quantile of the normal distribution for a 95 % interval."""

STUDENT: dict[int, float] = {2: 12.706, 3: 4.303, 4: 3.182}
"""Number of values → quantile of Student's t for a 95 % interval."""

MOST_CORRELATED = 0.8
"""A correlation of neighbours above this cannot be told from a drift with as few pairs as there are."""


LITTLE = 0.095
"""What is below it has too few digits with two decimals."""

MOST_DECIMALS = 9


def ratio(value: float) -> str:
    """How many times: two decimals, and two digits that say something where it is small: "2.31", "0.0012"."""
    if not 0 < value < LITTLE:
        return f"{value:.2f}"
    return f"{value:.{min(1 - math.floor(math.log10(value)), MOST_DECIMALS)}f}"


@dataclass(frozen=True)
class Speedup:
    """How many times faster than the baseline: the median and the ends of its 95 % interval.

    A single pair has no interval: its ends are 0 and infinity.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{ratio(self.median)}× [{ratio(self.low)}, {ratio(self.high)}]"


@dataclass(frozen=True)
class Workloads:
    """Speedups over one baseline on all workloads in three numbers.

    Attributes:
        geomean: geometric mean over the workloads; the number that is claimed.
        middle: the median workload, or the geometric mean of the middle two.
        worst: the workload with the smallest speedup.
        worst_workload: its name.
    """

    geomean: Speedup
    middle: Speedup
    worst: Speedup
    worst_workload: str


def log_ratios(timing: Timing) -> list[float]:
    """log(baseline / candidate) of each pair."""
    pairs = zip(timing.reference_samples_ns, timing.samples_ns, strict=True)
    return [math.log(reference / own) for reference, own in pairs]


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the 95 % interval of the median of a series, see the module's first lines.

    Args:
        values: in the order in which they were taken.
    """
    count, centre, ordered = len(values), median(values), sorted(values)
    if count == 1:
        return -math.inf, math.inf
    if count in STUDENT:
        half = STUDENT[count] * stdev(values) / math.sqrt(count)
        return centre - half, centre + half
    effective = count / _inflation(values, centre)
    # With fewer independent pairs the same ranks stand for a wider part of the distribution.
    place = max(-1.0, (count - 1) / 2 - NORMAL * count / (2 * math.sqrt(effective)))
    index = max(0, int(place))
    part = place - index
    low = ordered[index] + part * (ordered[index + 1] - ordered[index])
    high = ordered[-1 - index] - part * (ordered[-1 - index] - ordered[-2 - index])
    return min(low, centre), max(high, centre)


def workload_speedup(timing: Timing) -> Speedup:
    """The speedup on one workload."""
    return _speedup(*_interval(log_ratios(timing)))


def speedup(timings: Iterable[Timing], baseline: str = "eager") -> Speedup | None:
    """Geometric mean over the workloads timed against this baseline; None when there are none.

    Workloads are timed one after another, so their errors add up as independent ones do.
    """
    found = [_interval(log_ratios(timing)) for timing in timings if timing.baseline == baseline]
    return _speedup(*_mean(found)) if found else None


def over_workloads(timings: Iterable[Timing], baseline: str = "eager") -> Workloads | None:
    """Geometric mean, median and worst over the workloads timed against this baseline; None when there are none."""
    found = [(_interval(log_ratios(one)), str(one.workload)) for one in timings if one.baseline == baseline]
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    middle = found[(len(found) - 1) // 2 : len(found) // 2 + 1]
    worst, name = found[0]
    every = [interval for interval, _ in found]
    return Workloads(
        _speedup(*_mean(every)), _speedup(*_mean([interval for interval, _ in middle])), _speedup(*worst), name
    )


_Interval = tuple[float, float, float]
"""Logarithms of centre, lower and upper end."""


def _interval(values: Sequence[float]) -> _Interval:
    return (median(values), *median_interval(values))


def _mean(found: Sequence[_Interval]) -> _Interval:
    """The mean of independent centres; the distances to their ends add up in squares."""
    count = len(found)
    centre = sum(one[0] for one in found) / count
    down = math.hypot(*(one[0] - one[1] for one in found)) / count
    up = math.hypot(*(one[2] - one[0] for one in found)) / count
    return centre, centre - down, centre + up


def _inflation(values: Sequence[float], centre: float) -> float:
    """How many times fewer independent values there are than values: (1 + r) / (1 - r) at correlation r of signs."""
    signs = [(value > centre) - (value < centre) for value in values]
    power = sum(map(abs, signs))
    if not power:
        return 1.0
    found = sum(one * other for one, other in pairwise(signs)) / power
    unbiased = found + (1 + 3 * found) / len(values)
    correlation = min(max(unbiased, 0.0), MOST_CORRELATED)
    return (1 + correlation) / (1 - correlation)


def _speedup(centre: float, low: float, high: float) -> Speedup:
    return Speedup(math.exp(centre), math.exp(low), math.exp(high))
