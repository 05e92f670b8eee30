"""What charts share: the room inside the axes, their lines and words, and the legend."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence

from warploom.report.html.svg import LETTER, Drawing, Point, Scale, breadth

NARROW = 500
"""Below this width a chart is drawn for a telephone."""

Key = tuple[str, str, str]
"""A line of a legend: shape ("dot", "ring", "line", "box", "diamond", "square", "triangle"), its class, its words."""


def across(drawing: Drawing, scale: Scale, y: float, words: Callable[[float], str], title: str) -> None:
    """The horizontal axis at the bottom, its ticks and its title."""
    drawing.line((scale.start, y), (scale.end, y), "axis")
    for value in scale.ticks(3 if drawing.width < NARROW else 8):
        x = scale(value)
        drawing.line((x, y), (x, y + 4), "axis")
        name = words(value)
        middle = min(x, drawing.width - LETTER * len(name) / 2)
        drawing.text((middle, y + 17), name, "small quiet", "middle")
    drawing.text((scale.end, y + 34), title, "small quiet", "end")


def upwards(drawing: Drawing, scale: Scale, left: float, right: float, words: Callable[[float], str]) -> None:
    """The rules of the vertical axis with their values on the left."""
    for value in scale.ticks(6):
        y = scale(value)
        drawing.line((left, y), (right, y), "rule")
        drawing.text((left - 6, y + 4), words(value), "small quiet", "end")


def legend(drawing: Drawing, keys: Sequence[Key], top: float, left: float = 8) -> float:
    """The keys, line by line as they fit; returns where they end."""
    x, y = left, top + 10
    for shape, class_, words in keys:
        room = 20 + breadth(words) + 18
        if x > left and x + room > drawing.width:
            x, y = left, y + 18
        marker(drawing, shape, (x + 8, y - 4), class_)
        drawing.text((x + 20, y), words, "small")
        x += room
    return y + 8


def marker(drawing: Drawing, shape: str, centre: Point, class_: str, tip: str = "", size: float = 5) -> None:
    """A sign of the legend or a point of a chart; shapes differ, so that colour is not all that tells them apart."""
    x, y = centre
    match shape:
        case "line":
            drawing.line((x - 8, y), (x + 8, y), class_, tip)
        case "box":
            drawing.box((x - 8, y - 5), 16, 10, class_, tip)
        case "bar":
            drawing.line((x, y - 5), (x, y + 5), class_, tip)
        case "square":
            drawing.box((x - size + 0.5, y - size + 0.5), 2 * size - 1, 2 * size - 1, class_, tip)
        case "diamond":
            drawing.path([(x, y - size), (x + size, y), (x, y + size), (x - size, y)], class_, closed=True, tip=tip)
        case "triangle":
            drawing.path([(x, y - size), (x + size, y + size), (x - size, y + size)], class_, closed=True, tip=tip)
        case _:
            drawing.dot(centre, size, class_, tip)


def paragraph(drawing: Drawing, place: Point, words: str, room: float, class_: str = "small quiet") -> float:
    """Text over as many lines as it needs; returns where it ends."""
    x, y = place
    for line in textwrap.wrap(words, max(12, int(room / (LETTER * 0.95)))):
        drawing.text((x, y), line, class_)
        y += 16
    return y


def times(value: float) -> str:
    """A speedup on an axis: "1×", "0.5×", "30×", "2,000×", "50k×"."""
    if value >= 1000:
        return f"{value:,.0f}×" if value < 10_000 else f"{value / 1000:,.0f}k×"
    return f"{value:.3g}×"


def speed(fitness: float) -> str:
    """A log speedup beside a mark: "1.20×", "0.043×", "31×"."""
    value = math.exp(fitness)
    return f"{value:.0f}×" if value >= 20 else f"{value:.2f}×" if value >= 0.1 else f"{value:.2g}×"


def short_number(value: float) -> str:
    """A number with as many digits as an axis needs."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
