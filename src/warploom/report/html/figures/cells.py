"""The grid of each island: which kinds of kernels were found, how fast the best of each is, and how it filled."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import product

from warploom.report.html.figures.frame import NARROW, paragraph, speed
from warploom.report.html.filling import Elites, Frame
from warploom.report.html.palette import HEATS, heat
from warploom.report.html.stages import spaced
from warploom.report.html.svg import LETTER, Drawing
from warploom.values.behaviour import AXES, Resolution

MOST_EARLIER = 4
FIRST = 4
"""Candidates after which a grid is worth a look."""

GAP = 8.0
RANGE = 3.0
"""What is this many times slower than the fastest, or more, has the palest shade."""


def cells(earlier: Sequence[Frame], now: Frame, resolution: Resolution, island: int, width: int) -> Drawing:
    """One island: how it looked at some earlier moments, and how it looks now.

    Args:
        earlier: frames in order; a few of them are drawn.
        now: the newest.
        resolution: bins of the axes.
        island: which.
        width: in pixels.
    """
    narrow = width < NARROW
    shown = spaced([frame for frame in earlier if frame.after >= FIRST], 3 if narrow else MOST_EARLIER)
    drawing = Drawing(width, 0, f"Kinds of kernels on island {island}, and the speed of the best of each")
    ends = _ends(now.islands)
    wide_now = width - 16.0 if narrow else 330.0
    small = (width - 16 - GAP * 2 * (len(shown) - 1)) / max(1, len(shown)) if narrow else 0.0
    if not narrow:
        small = (width - wide_now - 30) / max(1, len(shown)) - 2 * GAP
    small = min(small, 150.0)
    bottom = y = 14.0
    x = 8.0
    for frame in shown:
        drawing.text((x, y), f"after {frame.after:,}", "small quiet")
        bottom = max(bottom, _grid(drawing, frame.islands[island], resolution, (x, y + 8), small, ends, tell=False))
        x += small + 2 * GAP
    if narrow:
        x, y = 8.0, bottom + 24
    else:
        x = width - wide_now - 8
    drawing.text((x, y), f"now, after {now.after:,}", "strong")
    bottom = max(bottom, _grid(drawing, now.islands[island], resolution, (x, y + 8), wide_now, ends, tell=True))
    drawing.height = int(bottom + 8)
    return drawing


def key(resolution: Resolution, now: Frame, width: int) -> Drawing:
    """How the grids are read: what the directions and the shades mean."""
    drawing = Drawing(width, 0, "How the grids are read")
    y = 14.0
    directions = ("Left to right", "Bottom to top", "Block by block")
    for axis, direction in enumerate(directions):
        words = _levels(resolution, axis)
        y = paragraph(drawing, (8, y), f"{direction}, {AXES[axis]}: {' → '.join(words)}", width - 16)
    low, high = _ends(now.islands)
    drawing.text((8, y + 11), f"≤ {speed(low)}", "small quiet")
    for index in range(HEATS):
        drawing.box((66 + 22.0 * index, y), 22, 14, f"heat-{index}")
    drawing.text(
        (72 + 22.0 * HEATS, y + 11),
        f"{speed(high)}{' the speed of PyTorch eager' if width >= NARROW else ''}",
        "small quiet",
    )
    drawing.height = int(y + 22)
    return drawing


def _grid(
    drawing: Drawing,
    elites: Elites,
    resolution: Resolution,
    corner: tuple[float, float],
    width: float,
    ends: tuple[float, float],
    *,
    tell: bool,
) -> float:
    """The cells of a moment; a block for each way to spread the work. Returns where it ends."""
    columns, rows, blocks = resolution.bins
    beside = 2 if blocks in (2, 4) else blocks
    size = min(46.0, (width - GAP * (beside - 1)) / (beside * columns))
    names = [textwrap.wrap(name, max(8, int(columns * size / LETTER))) for name in _levels(resolution, 2)]
    head = 4.0 + 14.0 * max(map(len, names)) if tell else 2.0
    tall = rows * size + head + GAP
    for block in range(blocks):
        left = corner[0] + (block % beside) * (columns * size + GAP)
        top = corner[1] + (block // beside) * tall
        if tell:
            for number, line in enumerate(names[block]):
                drawing.text((left, top + 11 + 14.0 * number), line, "small quiet")
        for column, row in product(range(columns), range(rows)):
            cell = (column, row, block)
            at = (left + column * size, top + head + (rows - 1 - row) * size)
            words = "; ".join(resolution.words(cell))
            stand = elites.get(cell)
            if stand is None:
                drawing.box((at[0] + 1, at[1] + 1), size - 2, size - 2, "empty", f"empty: {words}")
                continue
            shade = heat(_share(stand.fitness, ends))
            drawing.box(at, size, size, f"cell {shade}", f"{speed(stand.fitness)}, {stand.candidate}: {words}")
            if tell and size >= 26:
                on = "small on-dark" if shade in ("heat-4", "heat-5") else "small"
                drawing.text((at[0] + size / 2, at[1] + size / 2 + 4), speed(stand.fitness).rstrip("×"), on, "middle")
    return corner[1] + -(-blocks // beside) * tall - GAP


def _levels(resolution: Resolution, axis: int) -> list[str]:
    """The names of an axis' bins, in order."""
    bins = resolution.bins
    found = []
    for place in range(bins[axis]):
        cell = tuple(place if index == axis else 0 for index in range(3))
        found.append(resolution.words(cell)[axis].partition(": ")[2])
    return found


def _ends(islands: Sequence[Elites]) -> tuple[float, float]:
    """Lowest and highest log speedup of the shades; what is far slower than the best shares the palest."""
    found = [stand.fitness for elites in islands for stand in elites.values()]
    high = max(found, default=0.0)
    return max(min(found, default=0.0), high - math.log(RANGE)), high


def _share(fitness: float, ends: tuple[float, float]) -> float:
    return (fitness - ends[0]) / (ends[1] - ends[0]) if ends[1] > ends[0] else 1.0
