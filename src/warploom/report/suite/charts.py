"""The charts of a benchmark's page: every problem's speedup, and fast_p over all p."""

from __future__ import annotations

import math
from collections.abc import Sequence

from warploom.report.evaluation import BASELINES
from warploom.report.html.figures.frame import NARROW, Key, across, legend, marker, times, upwards
from warploom.report.html.svg import LETTER, Drawing, Scale
from warploom.report.suite.table import ends_words, name_of
from warploom.search.suite.row import Ends, Row
from warploom.search.suite.score import fast_p

MARKERS: dict[str, tuple[str, str]] = {"eager": ("diamond", "of-best"), "compile": ("square", "of-compile")}
"""Baseline → shape and class of its mark; a kernel's speed over eager has the colour of the best."""

LINES: dict[str, str] = {"eager": "climb", "compile": "line-compile"}
LONGEST_TAIL = 50.0
"""Speedups beyond this lie at the edge: one of them must not press all others together."""


def speeds(rows: Sequence[Row], width: int) -> Drawing | None:
    """A line a problem, the fastest first: its speedup over each baseline with the interval; None without a kernel."""
    shown = sorted((row for row in rows if "eager" in row.speedup), key=lambda row: -row.speedup["eager"][0])
    if not shown:
        return None
    narrow = width < NARROW
    names = {row.id: f"{row.id} {name_of(row)}" if name_of(row) != row.id else row.id for row in shown}
    label = 0.0 if narrow else min(300.0, 16 + LETTER * max(map(len, names.values())))
    tall = 34 if narrow else 20
    drawing = Drawing(width, tall * len(shown) + 84, "Speedup of every problem")
    top = legend(drawing, [(*MARKERS[name], f"over {title}") for name, title in BASELINES.items()], 0) + 6
    scale = _scale([one for row in shown for one in row.speedup.values()], label + 16, width - 24.0)
    bottom = top + tall * len(shown) + 4
    for value in scale.ticks(3 if narrow else 8):
        drawing.line((scale(value), top), (scale(value), bottom), "rule")
    drawing.line((scale(1.0), top), (scale(1.0), bottom), "even")
    for index, row in enumerate(shown):
        y = top + tall * index + (24 if narrow else 10)
        drawing.fitting((8, y - 11 if narrow else y + 4), names[row.id], (width if narrow else label) - 8, "small")
        for name in reversed([one for one in BASELINES if one in row.speedup]):
            ends, (shape, class_) = row.speedup[name], MARKERS[name]
            tip = f"{names[row.id]}: {ends_words(ends)} over {BASELINES[name]}"
            drawing.line((scale(max(ends[1], scale.low)), y), (scale(min(ends[2], scale.high)), y), "axis")
            marker(drawing, shape, (scale(ends[0]), y), class_, tip, 4)
    across(drawing, scale, bottom, times, "times the speed of the baseline")
    return drawing


def shares(rows: Sequence[Row], width: int) -> Drawing | None:
    """fast_p over p, a line a baseline; None without a kernel."""
    counted = [row for row in rows if row.status != "quarantined"]
    known = {name: sorted(row.speedup[name][0] for row in counted if name in row.speedup) for name in BASELINES}
    if not known["eager"]:
        return None
    drawing = Drawing(width, 300, "Share of all problems that are more than p times as fast")
    keys: list[Key] = [("line", LINES[name], f"over {title}") for name, title in BASELINES.items() if known[name]]
    top = legend(drawing, keys, 0) + 10
    level = Scale(0.0, 1.0, 248.0, top)
    scale = _scale([(one, one, one) for values in known.values() for one in values], 44.0, width - 24.0)
    upwards(drawing, level, 44, width - 24, lambda share: f"{share:.0%}")
    drawing.line((scale(1.0), top), (scale(1.0), 248), "even")
    for name, values in known.items():
        points = []
        for value in [scale.low, *values, scale.high]:  # down a step at each problem's speedup
            below = math.nextafter(value, 0.0)
            points += [
                (scale(value), level(fast_p(counted, name, below))),
                (scale(value), level(fast_p(counted, name, value))),
            ]
        drawing.path(points if values else [], LINES[name])
    across(drawing, scale, 248, times, "p")
    return drawing


def _scale(ends: Sequence[Ends], start: float, end: float) -> Scale:
    """A logarithmic axis around these speedups, with 1 on it."""
    values = [one[0] for one in ends]
    low, high = min(0.8, 0.9 * min(values)), max(1.25, 1.1 * max(values))
    return Scale(max(low, 1 / LONGEST_TAIL), min(high, LONGEST_TAIL), start, end, log=True)
