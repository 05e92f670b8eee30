"""A small vocabulary for drawing charts as SVG: elements, scales, axes.

Whatever is written passes through an escape, so that words of strangers stay words. Colours come from classes alone
(see :mod:`.palette`), so that one drawing serves a light page, a dark page and a file of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from warploom.values.plain_text import printable

Point = tuple[float, float]

LETTER = 7.2
"""Width of a letter at the charts' small size of text, about."""

THIN, BROAD = frozenset(" .,:;'|!()[]/ijlftrI·"), frozenset("mwMWOQ×%@")


def element(name: str, content: str = "", **attributes: object) -> Markup:
    """One element; ``class_`` stands for ``class`` and ``_`` in names for ``-``; None leaves an attribute out."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = content if isinstance(content, Markup) else escape(printable(content))
    return Markup(f"<{name}{words}>{inside}</{name}>" if inside else f"<{name}{words}/>")


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else printable(str(value))


@dataclass
class Drawing:
    """A chart while it is drawn.

    Attributes:
        width: in pixels, as the text is read.
        height: likewise.
        title: what it is, for those who cannot see it.
    """

    width: int
    height: int
    title: str
    parts: list[Markup] = field(default_factory=list)

    def add(self, name: str, content: str = "", tip: str = "", **attributes: object) -> None:
        """One more element; ``tip`` is shown when the pointer rests on it."""
        inside = element("title", tip) if tip else content
        self.parts.append(element(name, inside, **attributes))

    def line(self, start: Point, end: Point, class_: str, tip: str = "") -> None:
        """A straight line."""
        self.add("line", tip=tip, x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)

    def path(self, points: Sequence[Point], class_: str, *, closed: bool = False, tip: str = "") -> None:
        """A line through points."""
        if points:
            words = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
            self.add("path", tip=tip, d=f"M{words}{'Z' if closed else ''}", class_=class_)

    def dot(self, centre: Point, radius: float, class_: str, tip: str = "") -> None:
        """A disc."""
        self.add("circle", tip=tip, cx=centre[0], cy=centre[1], r=radius, class_=class_)

    def box(self, corner: Point, width: float, height: float, class_: str, tip: str = "", round_: float = 0.0) -> None:
        """A rectangle."""
        size: dict[str, Any] = {"width": max(0.0, width), "height": max(0.0, height)}
        self.add("rect", tip=tip, x=corner[0], y=corner[1], **size, rx=round_ or None, class_=class_)

    def text(self, place: Point, words: str, class_: str = "", anchor: str = "start", tip: str = "") -> None:
        """A line of text that starts, centres or ends ("start", "middle", "end") at a place, on its base line."""
        inside = element("title", tip) + escape(printable(words)) if tip else words
        self.add("text", inside, x=place[0], y=place[1], text_anchor=anchor, class_=f"text {class_}".strip())

    def fitting(self, place: Point, words: str, room: float, class_: str = "", anchor: str = "start") -> None:
        """Text that is cut where there is no room; whole when the pointer rests on it."""
        short = cut(words, room)
        self.text(place, short, class_, anchor, tip=words if short != words else "")

    def markup(self, class_: str = "chart", style: str = "") -> Markup:
        """The drawing as an ``<svg>`` element; ``style`` makes it stand on its own."""
        inside = Markup().join(self.parts)
        if style:
            ground = element("rect", width=self.width, height=self.height, class_="ground")
            inside = Markup(f"<style>{style}</style>") + ground + inside
        return element(
            "svg",
            inside,
            xmlns="http://www.w3.org/2000/svg" if style else None,
            viewBox=f"0 0 {self.width} {self.height}",
            width=self.width,
            height=self.height,
            role="img",
            aria_label=self.title,
            class_=class_,
        )


def breadth(words: str) -> float:
    """How wide words are at the charts' small size of text, about: fonts differ."""
    return LETTER * sum(0.6 if one in THIN else 1.4 if one in BROAD else 1.0 for one in words)


def cut(words: str, room: float) -> str:
    """The words, or as much of them as goes into so many pixels."""
    most = max(1, int(room / LETTER))
    return words if len(words) <= most else words[: most - 1] + "…"


@dataclass(frozen=True)
class Scale:
    """From values to pixels, on a straight or a logarithmic axis."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where a value lies; beyond the ends it lies at an end."""
        low, high, value = self._of(self.low), self._of(self.high), self._of(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + min(max(share, -0.02), 1.02) * (self.end - self.start)

    def _of(self, value: float) -> float:
        return math.log(max(value, 1e-300)) if self.log else value

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the ends, at most so many."""
        return _log_ticks(self.low, self.high, most) if self.log else _even_ticks(self.low, self.high, most)


def _even_ticks(low: float, high: float, most: int) -> list[float]:
    span = high - low
    if span <= 0:
        return [low]
    rough = 10 ** math.floor(math.log10(span / most))
    step = next(rough * factor for factor in (1, 2, 5, 10, 20) if span / (rough * factor) <= most)
    first = math.ceil(low / step)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [
            round(factor * 10.0**power, 12)
            for power in range(first, last + 1)
            for factor in factors
            if low * 0.999 <= factor * 10.0**power <= high * 1.001
        ]
        if len(found) <= most:
            return found
    stride = -(-len(found) // most)
    return found[::stride]
