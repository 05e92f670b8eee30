"""Work on long arrays, on a few cores at once: what lies between timed blocks is waiting for the user."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

MOST_CORES = 4
"""Memory is the limit beyond."""

LEAST = 1 << 17
"""Elements that are worth a thread's waking."""


Found = TypeVar("Found")


def spread(work: Callable[[int, int], Found], size: int, grain: int) -> list[Found]:
    """Do ``work(begin, end)`` for spans that make up ``range(size)``, each but the last a multiple of ``grain``.

    NumPy lets go of the interpreter's lock in each of its loops, so spans are worked on side by side.

    Returns:
        What the spans gave, in their order.
    """
    count = max(1, min(_cores(), size // LEAST))
    length = -(-size // (count * grain)) * grain
    spans = [(begin, min(begin + length, size)) for begin in range(0, size, length)]
    if len(spans) < 2:
        return [work(0, size)]
    rest = [_pool().submit(work, *span) for span in spans[1:]]
    own = work(*spans[0])
    return [own, *(one.result() for one in rest)]


@cache
def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), MOST_CORES)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST_CORES, thread_name_prefix="spread")
