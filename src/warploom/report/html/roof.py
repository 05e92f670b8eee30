"""How near the machine's limits a kernel comes: the points of the roofline plot (Williams et al. 2009)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from warploom.errors import WarploomError
from warploom.judge.promotion import INCUMBENT
from warploom.values.outcome import Evaluation, Passed, Timing
from warploom.values.peaks import bandwidth, traffic
from warploom.values.problem import Problem, from_description
from warploom.values.shape import extent


@dataclass(frozen=True)
class Mark:
    """One kernel on one workload.

    Attributes:
        who: "seed", "best", or a baseline: "eager", "compile".
        workload: as printed.
        x: operations a byte; where operations are unknown, bytes a block of calls must move.
        y: giga-operations a second; where operations are unknown, gigabytes a second.
        roof: the most that this machine can reach there.
    """

    who: str
    workload: str
    x: float
    y: float
    roof: float


@dataclass(frozen=True)
class Roof:
    """What the plot needs.

    Attributes:
        marks: the points.
        by_operations: whether operations are counted; else the plot shows bandwidth over size.
        operations_per_ns: peak of computing.
        bytes_per_ns: size of the data in bytes → peak of moving it.
    """

    marks: tuple[Mark, ...]
    by_operations: bool
    operations_per_ns: float
    bytes_per_ns: Mapping[int, float]


def roof(
    description: Mapping[str, Any], environment: Mapping[str, Any], seed: Evaluation | None, best: Evaluation | None
) -> Roof | None:
    """The roofline of this machine with seed, best and baselines; None where peaks or times are unknown.

    Args:
        description: of the problem, as the run's first event has it.
        environment: what the judge said of the machine then.
        seed: the seed as it was screened.
        best: the best as it was promoted.
    """
    peaks = environment.get("roofline")
    if not isinstance(peaks, Mapping) or not peaks.get("bytes_per_ns"):
        return None
    try:
        problem = from_description(description)
    except (LookupError, TypeError, ValueError, AttributeError, WarploomError):
        return None
    moving = {int(size): float(peak) for size, peak in peaks["bytes_per_ns"].items()}
    computing = float(peaks.get("operations_per_ns") or 0.0)
    known = bool(problem.operations) and computing > 0
    times = [*_times("best", best, with_baselines=True), *_times("seed", seed, with_baselines=False)]
    if not any(who != "seed" for who, *_ in times):
        times = [*times, *_times("", seed, with_baselines=True)]
    marks = tuple(
        _mark(
            who,
            problem,
            timing,
            ns,
            traffic(problem, timing.workload, environment),
            moving,
            computing if known else 0.0,
        )
        for who, timing, ns in times
        if who
    )
    return Roof(marks, known, computing, moving) if marks else None


def _times(who: str, evaluation: Evaluation | None, *, with_baselines: bool) -> Iterable[tuple[str, Timing, float]]:
    """Who, where it was timed, and the median time of a call; the baselines' too where wanted."""
    if not isinstance(evaluation, Passed):
        return
    own: set[str] = set()
    for timing in evaluation.timings:
        if str(timing.workload) not in own:
            own.add(str(timing.workload))
            yield who, timing, median(timing.samples_ns)
        if with_baselines and timing.baseline != INCUMBENT:
            yield timing.baseline, timing, median(timing.reference_samples_ns)


def _mark(
    who: str, problem: Problem, timing: Timing, ns: float, size: int, moving: Mapping[int, float], computing: float
) -> Mark:
    workload = timing.workload
    block = timing.calls[0] * size
    reach = bandwidth(block, moving)
    if not computing:
        return Mark(who, str(workload), float(block), size / ns, reach)
    operations = extent(problem.operations, workload.extents)
    dense = operations / size
    return Mark(who, str(workload), dense, operations / ns, min(computing, dense * reach))
