"""How much of this machine is at work for others.

Pairs taken side by side forgive noise, but not a neighbour that works all the time: whatever waits for a core that is
taken waits longer the more evenly it had shared its work out, so PyTorch and a kernel are not slowed down alike. A
figure taken meanwhile is off by more than its interval says. So a promotion watches, waits a little, measures again,
and says how busy it was when that did not help.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

BUSY_SHARE = 0.25
"""A machine of which more than this share is at work for others gives wide intervals."""

DISTURBED_SHARE = 0.1
"""Above this a promotion is measured again once it is quiet, and says so when it never is."""


def disturbed(stated: Mapping[str, Any]) -> float:
    """The share of the machine that was at work for others, as a judge or a claim states it; 0 where it was little."""
    busy = stated.get("busy")
    return float(busy) if isinstance(busy, int | float) and busy > DISTURBED_SHARE else 0.0


def busy_share(seconds: float) -> float | None:
    """Share of this process's cores that is at work over the next seconds; None where it cannot be read."""
    bystanders = Bystanders()
    time.sleep(seconds)
    return bystanders.share()


class Bystanders:
    """Watches what the cores of this process do for others, from now on.

    Args:
        own: processor time in nanoseconds that each process of the measurement has used so far.
    """

    def __init__(self, own: Sequence[Callable[[], int]] = ()) -> None:
        self._own = own
        self._before, self._own_before = _ticks(), self._own_ns()

    def share(self) -> float | None:
        """Share of the cores' time since then that went to others, 0 to 1; None where it cannot be read."""
        after, own_ns = _ticks(), self._own_ns() - self._own_before
        if self._before is None or after is None or after[1] <= self._before[1]:
            return None
        whole = after[1] - self._before[1]
        used = whole - (after[0] - self._before[0])
        return min(1.0, max(0.0, (used - own_ns / 1e9 * os.sysconf("SC_CLK_TCK")) / whole))

    def _own_ns(self) -> int:
        return sum(used() for used in self._own)


class Quiet:
    """Waits until others have finished; where that was in vain, not again for a while.

    Args:
        seconds: to wait at most.
        patience: seconds until it waits again after it did so in vain.
    """

    def __init__(self, seconds: float = 3.0, patience: float = 60.0) -> None:
        self._seconds, self._patience = seconds, patience
        self._not_before = 0.0

    def wait(self) -> bool:
        """Whether it is quiet now."""
        if time.monotonic() < self._not_before:
            return False
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            share = busy_share(0.2)
            if share is None or share <= DISTURBED_SHARE:
                return True
        self._not_before = time.monotonic() + self._patience
        return False


def _ticks() -> tuple[int, int] | None:
    """(idle, all) ticks since the start, of the processors that this process may use."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    wanted = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    rows = [[int(word) for word in line.split()[1:9]] for line in lines if line.partition(" ")[0] in wanted]
    if not rows:
        return None
    return sum(row[3] + row[4] for row in rows), sum(sum(row) for row in rows)
