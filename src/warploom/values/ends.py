"""The interval of a fitness: its two ends, which need not lie equally far from it."""

from __future__ import annotations

import math
from typing import Protocol

from warploom.values.speedup import Speedup

Ends = tuple[float, float]
"""Lower and upper end of a 95 % interval, as fitness: for kernels, logarithms."""


class Measured(Protocol):
    """What has a fitness that was measured."""

    @property
    def fitness(self) -> float | None:
        """The middle; None when it failed."""

    @property
    def spread(self) -> float:
        """Half-width of the interval, all that older journals say of it."""

    @property
    def ends(self) -> Ends | None:
        """The interval; None where only the half-width is known."""


def ends_of(one: Measured) -> Ends:
    """The interval as it was measured; where its ends are not known, its half-width to either side."""
    if one.ends is not None:
        return one.ends
    assert one.fitness is not None, "what failed has no interval"
    return one.fitness - one.spread, one.fitness + one.spread


def ends_of_speedup(value: Speedup) -> Ends:
    """The interval of a speedup, as fitness."""
    return math.log(value.low), math.log(value.high)
