"""Whether a claimed speedup stands where somebody measured it again."""

from __future__ import annotations

import math
from typing import Literal

from warploom.values.speedup import Speedup

Standing = Literal["holds", "weaker here", "undecided", "does not hold"]
"""``holds``: as fast as claimed, within the intervals and the noise floor. ``weaker here``: faster than eager for sure,
but less than claimed. ``undecided``: too noisy here to say whether it is faster. ``does not hold``: wrong, or not
faster than eager."""


def standing(claimed: Speedup, here: Speedup | None, noise_floor: float) -> Standing:
    """Compare a claim with what was measured here.

    Args:
        claimed: the speedup over eager with its interval.
        here: the same, measured anew; None when the kernel failed.
        noise_floor: smallest difference of log speedups that means anything, the larger of the two machines'.
    """
    if here is None:
        return "does not hold"
    reaches = math.log(here.high) >= math.log(claimed.low) - noise_floor
    if math.log(here.low) > noise_floor:
        return "holds" if reaches else "weaker here"
    if math.log(claimed.low) <= noise_floor:  # it never claimed to be faster
        return "holds" if reaches else "does not hold"
    return "undecided" if math.log(here.high) > noise_floor else "does not hold"
