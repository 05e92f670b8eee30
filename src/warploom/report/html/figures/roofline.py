"""The roofline plot: how near seed, best and baselines come to what this machine can do (Williams et al. 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from warploom.report.evaluation import BASELINES
from warploom.report.html.figures.frame import NARROW, Key, across, legend, marker, short_number, upwards
from warploom.report.html.roof import Roof
from warploom.report.html.svg import Drawing, Scale
from warploom.values.peaks import bandwidth

SHAPES: Mapping[str, str] = {"best": "diamond", "seed": "triangle", "eager": "square", "compile": "dot"}
NAMES: Mapping[str, str] = {"best": "the best", "seed": "the seed", **BASELINES}


def roofline(roof: Roof, width: int) -> Drawing:
    """Log over log. The dark line is the most this machine can reach; each workload is one column of marks."""
    drawing = Drawing(width, 380, "Roofline: how near each kernel comes to the limits of this machine")
    shown = [name for name in SHAPES if any(mark.who == name for mark in roof.marks)]
    keys: list[Key] = [(SHAPES[name], f"of-{name}", NAMES[name]) for name in shown]
    unit = "billion operations a second" if roof.by_operations else "GB a second"
    top = legend(drawing, [*keys, ("line", "roof", "what the machine can reach")], 0) + 30
    left, right, bottom = (46.0 if width < NARROW else 54.0), width - 14.0, drawing.height - 44.0
    xs = [mark.x for mark in roof.marks]
    x = Scale(min(xs) / 4, max(xs) * 4, left, right, log=True)
    ys = [mark.y for mark in roof.marks] + [mark.roof for mark in roof.marks]
    y = Scale(min(ys) / 1.6, max([*ys, _reach(roof, x.high)]) * 1.5, bottom, top, log=True)
    drawing.text((8, top - 10), unit, "small quiet")
    upwards(drawing, y, left, right, short_number)
    _ceiling(drawing, roof, x, y)
    for mark in roof.marks:
        share = mark.y / mark.roof
        tip = f"{NAMES.get(mark.who, mark.who)}, {mark.workload}: {mark.y:.3g} {unit}, {share:.0%} of what it could be"
        at = (x(mark.x), y(mark.y))
        marker(drawing, SHAPES.get(mark.who, "dot"), at, f"of-{mark.who}", tip, 6 if mark.who == "best" else 5)
    for column in dict.fromkeys((mark.x, mark.roof) for mark in roof.marks):
        at = (x(column[0]), y(column[1]))
        drawing.line(
            (at[0] - 7, at[1]), (at[0] + 7, at[1]), "roof", f"the limit for this workload: {column[1]:.3g} {unit}"
        )
        drawing.line(at, (at[0], bottom), "even")
    if roof.by_operations:
        across(drawing, x, bottom, short_number, "operations for each byte that must be moved")
    else:
        across(drawing, x, bottom, size_words, "bytes that a block of calls moves, each call its own")
    return drawing


def _ceiling(drawing: Drawing, roof: Roof, x: Scale, y: Scale) -> None:
    """With operations: the slopes of the slowest and fastest memory under the ceiling; else bandwidth over size."""
    if not roof.by_operations:
        edges = [x.low, *(size for size in sorted(roof.bytes_per_ns) if x.low < size < x.high), x.high]
        points = []
        for left, right in pairwise(edges):
            height = y(bandwidth(int(left), roof.bytes_per_ns))
            points += [(x(left), height), (x(right), height)]
        drawing.path(points, "roof")
        return
    steps = 60
    values = [x.low * (x.high / x.low) ** (index / steps) for index in range(steps + 1)]
    for speed, class_, name in (
        (max(roof.bytes_per_ns.values()), "even", "from cache"),
        (min(roof.bytes_per_ns.values()), "roof", "from memory"),
    ):
        inside = [value for value in values if min(roof.operations_per_ns, value * speed) >= y.low]
        points = [(x(value), y(min(roof.operations_per_ns, value * speed))) for value in inside]
        drawing.path(points, class_, tip=f"{name}: {speed:.0f} GB a second")


def _reach(roof: Roof, x: float) -> float:
    """The height of the plot's highest line."""
    if not roof.by_operations:
        return max(mark.roof for mark in roof.marks) * 1.6
    return min(roof.operations_per_ns, x * min(roof.bytes_per_ns.values()))


def size_words(size: float) -> str:
    """Bytes as people say them: "2 MB"."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} B"
