"""A suite in a few numbers: fast_p, means, the worst, the speed of light; over all, by level and by kind.

fast_p is KernelBench's (``score.py`` there): the share of *all* problems whose kernel is correct and more than p times
as fast as the baseline. Where it divides mean times, the speedup here is the median of paired samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from warploom.search.suite.row import Ends, Row
from warploom.values.work import KINDS

THRESHOLDS: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
BASELINES: tuple[str, ...] = ("eager", "compile")

KEPT_PYTORCH = 1.0
"""What a problem without a verified kernel counts as in the mean over all: you would keep PyTorch."""


@dataclass(frozen=True)
class Against:
    """How a suite stands against one baseline. Means are None where there is nothing to take them of.

    Attributes:
        fast: p → fast_p.
        mean: geometric mean over all problems; those without a figure count as 1.
        interval: its 95 % interval: independent errors add up in squares, what counts as 1 has none.
        mean_correct: geometric mean over the problems that have a figure, KernelBench's for correct samples.
        middle: the median over all, as ``mean`` counts.
        worst: the smallest over all that have a figure.
        worst_id: whose it is.
        surely: problems faster for sure: the lower end of the interval is above 1.
        light: mean share of the gap to the machine's bound that was closed; without a kernel 0.
        counted_as_1: problems without a figure.
    """

    fast: Mapping[float, float]
    mean: float | None
    interval: tuple[float, float] | None
    mean_correct: float | None
    middle: float | None
    worst: float | None
    worst_id: str
    surely: int
    light: float | None
    counted_as_1: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "fast_p": {f"{p:g}": share for p, share in self.fast.items()},
            "geometric_mean": self.mean,
            "interval": [end if math.isfinite(end) else None for end in self.interval] if self.interval else None,
            "geometric_mean_of_correct": self.mean_correct,
            "median": self.middle,
            "worst": self.worst,
            "worst_problem": self.worst_id,
            "faster_for_sure": self.surely,
            "speed_of_light": self.light,
            "counted_as_1": list(self.counted_as_1),
        }


@dataclass(frozen=True)
class Score:
    """How a set of problems stands.

    Attributes:
        problems: how many there are; quarantined ones are not among them.
        correct: those with a verified kernel.
        against: baseline → figures.
    """

    problems: int
    correct: int
    against: Mapping[str, Against]

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        against = {name: one.to_plain() for name, one in self.against.items()}
        return {"problems": self.problems, "correct": self.correct, "against": against}


def score(rows: Iterable[Row]) -> Score:
    """The figures of these problems; quarantined ones are left out."""
    counted = [row for row in rows if row.status != "quarantined"]
    against = {name: _against(counted, name) for name in BASELINES}
    return Score(len(counted), sum(row.correct for row in counted), against)


def by_level(rows: Sequence[Row]) -> dict[str, Score]:
    """Level → figures, in the order of the suite."""
    return _grouped(rows, lambda row: row.level, list(dict.fromkeys(row.level for row in rows)))


def by_kind(rows: Sequence[Row]) -> dict[str, Score]:
    """Kind of the reference's work → figures, in the order of :data:`warploom.values.work.KINDS`; "" is unknown."""
    return _grouped(rows, lambda row: row.kind, [*KINDS, ""])


def fast_p(rows: Sequence[Row], baseline: str, p: float) -> float:
    """The share of all these problems that are correct and more than p times as fast; at p = 0, correct at all."""
    if not rows:
        return 0.0
    return sum(row.correct and (p <= 0 or _median(row, baseline) > p) for row in rows) / len(rows)


def _grouped(rows: Sequence[Row], key: Callable[[Row], str], names: Sequence[str]) -> dict[str, Score]:
    groups = {name: [row for row in rows if key(row) == name and row.status != "quarantined"] for name in names}
    return {name: score(group) for name, group in groups.items() if group}


def _against(rows: Sequence[Row], baseline: str) -> Against:
    known = {row.id: row.speedup[baseline] for row in rows if row.correct and baseline in row.speedup}
    missing = tuple(row.id for row in rows if row.id not in known)
    medians = [one[0] for one in known.values()]
    every = [*medians, *[KEPT_PYTORCH] * len(missing)]
    worst = min(known, key=lambda name: known[name][0], default="")
    # A kernel whose problem has no gap or no bound says nothing; a problem without a kernel closed nothing.
    light = [row.light[baseline] if row.correct else 0.0 for row in rows if not row.correct or baseline in row.light]
    return Against(
        fast={p: fast_p(rows, baseline, p) for p in THRESHOLDS},
        mean=geometric_mean(every),
        interval=interval_of_mean(list(known.values()), len(rows)) if rows else None,
        mean_correct=geometric_mean(medians),
        middle=median(every) if every else None,
        worst=known[worst][0] if worst else None,
        worst_id=worst,
        surely=sum(one[1] > 1 for one in known.values()),
        light=fmean(light) if light else None,
        counted_as_1=missing,
    )


def geometric_mean(values: Iterable[float]) -> float | None:
    """None of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(fmean(logs)) if logs else None


def interval_of_mean(known: Sequence[Ends], count: int) -> tuple[float, float]:
    """The 95 % interval of a geometric mean over ``count`` problems, of which these have intervals."""
    centre = sum(math.log(middle) for middle, _, _ in known) / count
    down = math.hypot(*(math.log(middle / low) if low > 0 else math.inf for middle, low, _ in known)) / count
    up = math.hypot(*(math.log(high / middle) for middle, _, high in known)) / count
    return math.exp(centre - down), math.exp(centre + up)


def _median(row: Row, baseline: str) -> float:
    """The speedup; 0 where it was not timed: nothing is claimed then."""
    return row.speedup[baseline][0] if baseline in row.speedup else 0.0
