"""Speedups and their intervals, derived from raw paired samples and never stored.

The statistic is the median of the paired log-ratios. Its interval comes from a bootstrap over *blocks* of
neighbouring pairs (moving blocks: Künsch 1989), because on a shared machine neighbouring samples are not
independent and the i.i.d. bootstrap is too narrow.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from warploom.values.outcome import Timing

DRAWS = 200
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Speedup:
    """How many times faster than the baseline: the median and the ends of its interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f}× [{self.low:.2f}, {self.high:.2f}]"


def log_ratios(timing: Timing) -> list[float]:
    """log(baseline / candidate) of each pair."""
    pairs = zip(timing.reference_samples_ns, timing.samples_ns, strict=True)
    return [math.log(reference / own) for reference, own in pairs]


def bootstrap_medians(values: Sequence[float], draws: int = DRAWS, seed: int = 0) -> list[float]:
    """Medians of ``draws`` moving-block resamples; block length is the cube root of the sample size, at least 2.

    Fewer than five values hold no two blocks that could differ, and are resampled one by one: two pairs are no
    certainty.
    """
    count = len(values)
    length = max(2, round(count ** (1 / 3))) if count >= 5 else 1
    blocks = -(-count // length)
    windows = [tuple(values[start : start + length]) for start in range(count - length + 1)]
    drawn = random.Random(seed).choices(windows, k=draws * blocks)
    medians = []
    for first in range(0, draws * blocks, blocks):
        resample = list(chain.from_iterable(drawn[first : first + blocks]))
        medians.append(median(resample[:count]))
    return medians


def workload_speedup(timing: Timing) -> Speedup:
    """The speedup on one workload."""
    values = log_ratios(timing)
    return _interval(median(values), bootstrap_medians(values))


def speedup(timings: Iterable[Timing], baseline: str = "eager") -> Speedup | None:
    """Geometric mean over the workloads timed against this baseline; None when there are none."""
    chosen = [log_ratios(timing) for timing in timings if timing.baseline == baseline]
    if not chosen:
        return None
    centre = sum(median(values) for values in chosen) / len(chosen)
    columns = [bootstrap_medians(values, seed=index) for index, values in enumerate(chosen)]
    return _interval(centre, [sum(row) / len(row) for row in zip(*columns, strict=True)])


def _interval(centre: float, draws: list[float]) -> Speedup:
    ordered = sorted(draws)
    tail = (1 - CONFIDENCE) / 2
    low = ordered[int(tail * (len(ordered) - 1))]
    high = ordered[math.ceil((1 - tail) * (len(ordered) - 1))]
    return Speedup(math.exp(centre), math.exp(min(low, centre)), math.exp(max(high, centre)))
