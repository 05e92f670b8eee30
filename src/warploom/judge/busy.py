"""How much of this machine is at work for others."""

from __future__ import annotations

import time
from pathlib import Path

BUSY_SHARE = 0.25
"""A machine of which more than this share is at work for others gives wide intervals."""


def busy_share(seconds: float) -> float | None:
    """Share of this machine's processor time that is at work over the next seconds; None where it cannot be read."""
    before = _ticks()
    time.sleep(seconds)
    after = _ticks()
    if before is None or after is None or after[1] <= before[1]:
        return None
    return 1.0 - (after[0] - before[0]) / (after[1] - before[1])


def _ticks() -> tuple[int, int] | None:
    """(idle, all) ticks of all processors since the start."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    except (OSError, IndexError):
        return None
    ticks = [int(word) for word in first[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
