"""What a call of an imported program may cost. Standard library only."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """What a call may cost.

    Attributes:
        ns: of eager time.
        bytes: of inputs, weights and outputs together: they are drawn, copied and checked many times over.
        least: of a size that is no batch, to get there.
    """

    ns: float
    bytes: int
    least: int


WISHED = Budget(30e6, 64 << 20, 8)
"""1 to 50 ms are measured best."""

BUDGETS = (WISHED, Budget(200e6, 1 << 30, 8), Budget(1e9, 1 << 30, 1))
"""The first that is reached holds: sizes that a program does not name, as those of a whole network, cannot shrink."""
