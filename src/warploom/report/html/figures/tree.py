"""The family tree: the seed on the left, the elites on the right, the way to the best drawn thick."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.report.html.family import Kin
from warploom.report.html.figures.frame import NARROW, legend, marker, speed
from warploom.report.html.svg import Drawing

ROW = 21
ROOM_OF_THE_BEST = 130.0
"""What its name takes beside it, in pixels."""


def tree(kin: Sequence[Kin], best: str, width: int) -> Drawing | None:
    """The tree; None while there is nothing but a seed.

    Args:
        kin: laid out, see :func:`warploom.report.html.family.family`.
        best: the promoted candidate, "" before there is one.
        width: in pixels.
    """
    if len(kin) < 2:
        return None
    narrow = width < NARROW
    rows = 1 + max(one.row for one in kin)
    drawing = Drawing(width, 0, "Family tree of the fastest kernels")
    keys = [("line", "way", "the way to the best"), ("dot", "knot", "a step"), ("diamond", "held", "the best")]
    top = legend(drawing, keys, 0) + 18
    drawing.height = int(top + rows * ROW + 12)
    label = 190.0 if narrow else 340.0
    deepest = max(one.depth for one in kin)
    step = min(96.0, (width - label - 24) / max(1, deepest))
    places = {one.candidate: (14 + one.depth * step, top + one.row * ROW) for one in kin}
    for one in sorted(kin, key=lambda one: one.on_way):
        if one.parent:
            (x0, y0), (x1, y1) = places[one.parent], places[one.candidate]
            drawing.path([(x0, y0), (x0, y1), (x1, y1)], "way" if one.on_way else "branch")
    edge = 14 + deepest * step + 14
    for one in kin:
        x, y = places[one.candidate]
        fast = speed(one.fitness) if one.fitness is not None else "?"
        tip = f"{one.candidate}: {fast} {one.made}"
        if one.candidate == best:
            marker(drawing, "diamond", (x, y), "held", tip, 7)
        else:
            drawing.dot((x, y), 4, f"knot{' on' if one.on_way else ''}", tip)
        if one.leaf or one.candidate == best:
            strong = "strong" if one.candidate == best else ""
            if one.leaf and x + 12 < edge:
                drawing.line((x + 8, y), (edge - 4, y), "rule")
            if one.leaf:
                drawing.text((edge, y + 4), fast, strong)
                drawing.fitting((edge + 52, y + 4), one.made, width - edge - 56, f"small quiet {strong}".strip())
            else:  # above the way to it: on the right stand those that came of it
                side, anchor = (-10, "end") if x > ROOM_OF_THE_BEST else (10, "start")
                drawing.text((x + side, y - 5), "best" if narrow else f"the best, {fast}", strong, anchor)
    return drawing
