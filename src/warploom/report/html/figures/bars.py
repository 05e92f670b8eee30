"""Bars with their names and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from warploom.report.html.figures.frame import NARROW
from warploom.report.html.svg import LETTER, Drawing


@dataclass(frozen=True)
class Bar:
    """One bar: its name, how long it is, what is written behind it, and its class."""

    name: str
    value: float
    words: str
    class_: str = "bar"


def bars(rows: Sequence[Bar], title: str, width: int) -> Drawing | None:
    """The bars, in the order given; None when there are none."""
    if not rows:
        return None
    narrow = width < NARROW
    label = 0.0 if narrow else min(260.0, 16 + LETTER * max(len(row.name) for row in rows))
    room = 16 + LETTER * max(len(row.words) for row in rows)
    tall = 40 if narrow else 26
    drawing = Drawing(width, tall * len(rows) + 8, title)
    most = max((row.value for row in rows), default=0.0) or 1.0
    length = width - label - room - 16
    for index, row in enumerate(rows):
        y = 4.0 + index * tall
        if narrow:
            drawing.fitting((8, y + 12), row.name, width - 16)
            y += 16
        else:
            drawing.fitting((8, y + 14), row.name, label - 8)
        drawing.box((8 + label, y + 3), length, 15, "bar track", round_=2)
        drawing.box((8 + label, y + 3), max(1.0, length * row.value / most), 15, row.class_, round_=2)
        drawing.text((width - 8, y + 15), row.words, "small", "end")
    return drawing
