"""When enough has been measured. Pure functions of the samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from warploom.values.outcome import Timing
from warploom.values.speedup import log_ratios, workload_speedup

OUT_OF_REACH = math.log(1.3)
"""A candidate whose interval ends so far below the incumbent is not measured further."""


FAR = math.log(3)
"""A baseline that every pair so far saw so much slower may take no more than its few pairs' time."""


@dataclass(frozen=True)
class Plan:
    """How much measuring is wanted of one workload.

    Attributes:
        least: pairs at least.
        most: pairs at most.
        seconds: time after which no further pair is begun, once there are ``least``.
        half_width: stop when the interval of the log speedup is no wider to either side.
        patience_seconds: time after which even ``few`` pairs must do: a candidate many times slower than eager.
        few: pairs at the very least.
        looks: blocks that are looked at on the way, see :mod:`warploom.judge.timing.watch`.
        cuts: blocks that end before their last call, see :mod:`warploom.judge.timing.cut`.
        strict: calls that are compared with their own oracles, see :mod:`warploom.judge.timing.strict`.

    No pair counts of which the block was inspected.
    """

    least: int
    most: int
    seconds: float
    half_width: float
    patience_seconds: float
    few: int
    looks: int = 0
    cuts: int = 0
    strict: int = 0


SCREEN = Plan(least=5, most=25, seconds=0.12, half_width=0.02, patience_seconds=0.12, few=3, cuts=1)
PROMOTE = Plan(least=20, most=60, seconds=1.5, half_width=0.01, patience_seconds=20.0, few=5, looks=4, cuts=6, strict=3)
AGAINST_ITSELF = Plan(least=20, most=40, seconds=0.8, half_width=0.005, patience_seconds=20.0, few=5)
"""For the noise floor: as many pairs as a promotion has at least."""
BRIEFLY = Plan(least=20, most=20, seconds=0.0, half_width=0.0, patience_seconds=0.03, few=2)
"""As many, but 0.6 s at most: for a calibration that a run waits for."""


def far_behind(timing: Timing, plan: Plan, elapsed_s: float) -> bool:
    """Whether a baseline is so slow that more pairs with it would take long and tell nothing new.

    A compiled reference can take a hundred times as long as eager; twenty pairs with it would take minutes.
    """
    pairs = len(timing.samples_ns)
    return pairs >= plan.few and elapsed_s > plan.seconds and min(log_ratios(timing)) > FAR


def enough(timing: Timing, plan: Plan, elapsed_s: float, incumbent: float | None = None) -> bool:
    """Whether sampling may stop.

    Args:
        timing: the pairs so far.
        plan: what is wanted.
        elapsed_s: time spent on them.
        incumbent: log speedup to beat; None to measure in any case.
    """
    pairs = len(timing.samples_ns)
    if pairs >= plan.most:
        return True
    per_pair = elapsed_s / max(pairs, 1)
    if elapsed_s > 20 * plan.patience_seconds and pairs >= 2:
        return True
    if pairs < plan.few:
        return False
    slow = max(log_ratios(timing)) < 0
    if slow and elapsed_s + per_pair > plan.patience_seconds:
        return True
    if incumbent is not None and math.log(workload_speedup(timing).high) < incumbent - OUT_OF_REACH:
        return True
    if pairs < plan.least:
        return False
    if elapsed_s + per_pair > plan.seconds:
        return True
    found = workload_speedup(timing)
    return math.log(found.high / found.low) <= 2 * plan.half_width
