"""A curve in one line of block characters."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """The values from left to right, the lowest as the lowest block.

    Args:
        values: what to draw; when there are more than ``width``, each column shows the last value that falls into it.
        width: columns at most.

    Returns:
        One character a column; "" when there are no values, all lowest when they are all equal.
    """
    if not values or width < 1:
        return ""
    columns = min(width, len(values))
    shown = [values[(column + 1) * len(values) // columns - 1] for column in range(columns)]
    low, high = min(shown), max(shown)
    if high <= low:
        return BLOCKS[0] * columns
    return "".join(BLOCKS[min(len(BLOCKS) - 1, int((value - low) / (high - low) * len(BLOCKS)))] for value in shown)
