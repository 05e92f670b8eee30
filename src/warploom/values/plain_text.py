"""Words of strangers, made fit to be shown."""

from __future__ import annotations

import math

LITTLE = 0.095
"""What is below it has too few digits with two decimals."""

MOST_DECIMALS = 9


def printable(text: str) -> str:
    """The text without characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def ratio(value: float) -> str:
    """How many times: two decimals, and two digits that say something where it is small: "2.31", "0.0012"."""
    if not 0 < value < LITTLE:
        return f"{value:.2f}"
    return f"{value:.{min(1 - math.floor(math.log10(value)), MOST_DECIMALS)}f}"
