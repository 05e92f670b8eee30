"""Rounds in which a candidate's block is inspected instead of timed: what all kinds of inspection have in common."""

from __future__ import annotations

import random
from typing import Protocol


class Inspection(Protocol):
    """Blocks among the timed ones, which a candidate cannot tell from those, and whose time does not count."""

    @property
    def wanting(self) -> bool:
        """Whether one is still to come."""
        ...

    def due(self, taken: int, complete: bool) -> bool:
        """Whether the round that follows so many samples is inspected; at once when there are samples enough."""
        ...

    def run(self, blocks_ns: list[int]) -> int:
        """One block; how many of its calls were asked for, each of which must be right.

        Args:
            blocks_ns: what blocks took before.

        Raises:
            Fault: the process failed.
        """
        ...

    def judge(self) -> None:
        """What the block showed, once the calls that were asked for have been found right.

        Raises:
            Fault: calls were not made one after another, as they were asked for.
        """
        ...


def drawn_rounds(wanted: int, rounds: int, order: random.Random) -> list[int]:
    """Numbers of samples after which to inspect, drawn by lot: never 0, for how long a block takes must be known."""
    return order.sample(range(1, rounds), min(wanted, rounds - 1))
