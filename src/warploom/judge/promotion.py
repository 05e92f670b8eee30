"""Whether a candidate becomes the best."""

from __future__ import annotations

import math
from collections.abc import Iterable

from warploom.values.outcome import Timing
from warploom.values.speedup import speedup

INCUMBENT = "incumbent"
"""Baseline of the timings that were taken side by side with the best so far."""


def promotes(timings: Iterable[Timing], incumbent: float | None, noise_floor: float) -> bool:
    """Whether the lower end of a candidate's interval beats the incumbent by more than the noise floor.

    Where the two were timed side by side, that comparison decides: a speedup over eager changes with what else the
    machine does, and two of them from different moments cannot be compared to a few per cent.

    Args:
        timings: the candidate's, with pairs against eager.
        incumbent: log speedup over eager of the best so far; None when there is none. Used where the timings hold
            no pairs against it.
        noise_floor: smallest difference of log speedups that means anything.
    """
    timings = tuple(timings)
    side_by_side = speedup(timings, INCUMBENT)
    if side_by_side is not None:
        return math.log(side_by_side.low) > noise_floor
    found = speedup(timings)
    if found is None:
        return False
    return incumbent is None or math.log(found.low) > incumbent + noise_floor
