"""The kinds of kernels that a run tells apart: three axes of four levels, and the bins they fall into.

How a candidate is placed on them is read off its source and build, see :mod:`warploom.archive.descriptors`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from warploom.values.request import Cell

AXES: tuple[str, ...] = ("memory", "computation", "spread")
LEVELS: tuple[tuple[str, ...], ...] = (
    ("element-wise", "vectors", "tiles", "register blocks"),
    ("several passes", "one pass", "online", "blocks of products"),
    ("serial", "SIMD", "threads", "threads and SIMD"),
)

MEANINGS: dict[str, str] = {
    "element-wise": "reads and writes single elements",
    "vectors": "vector types or SIMD loops",
    "tiles": "a tiled loop, or a local array whose contents are used again",
    "register blocks": "four or more accumulators in one loop",
    "several passes": "more than one loop over the data in a function",
    "one pass": "one loop over the data",
    "online": "one loop that keeps a running result and rescales it",
    "blocks of products": "four or more sums of products in one loop",
    "serial": "neither threads nor SIMD",
    "SIMD": "vectors on one core",
    "threads": "an OpenMP parallel region",
    "threads and SIMD": "both",
}
"""What a level means, for whoever is to write a kernel of it."""


@dataclass(frozen=True)
class Resolution:
    """How many bins each axis has: at most four, fewer when the budget could not fill them."""

    bins: tuple[int, int, int]

    @classmethod
    def fit(cls, evaluations: int, islands: int = 1) -> Resolution:
        """About one cell for a dozen evaluations of an island; all 64 cells from 2,000 evaluations on."""
        share = evaluations / max(1, islands) ** 0.5
        for least, bins in _FITTED:
            if share >= least:
                return cls(bins)
        return cls((2, 2, 2))

    def cell(self, levels: Iterable[int]) -> Cell:
        """The bin of each axis; neighbouring levels share a bin when there are fewer bins than levels."""
        return tuple(level * bins // 4 for level, bins in zip(levels, self.bins, strict=True))

    def beside(self, cell: Cell) -> tuple[Cell, ...]:
        """The cells that differ from this one by one step on one axis."""
        steps = [(axis, place + step) for axis, place in enumerate(cell) for step in (1, -1)]
        return tuple((*cell[:axis], place, *cell[axis + 1 :]) for axis, place in steps if 0 <= place < self.bins[axis])

    def words(self, cell: Cell) -> tuple[str, ...]:
        """A cell in words, axis by axis: "memory: tiles or register blocks"; none for a cell that is not known."""
        if len(cell) != len(self.bins):
            return ()
        return tuple(
            f"{axis}: " + " or ".join(name for level, name in enumerate(names) if level * bins // 4 == place)
            for axis, names, bins, place in zip(AXES, LEVELS, self.bins, cell, strict=True)
        )

    def meanings(self, cell: Cell) -> tuple[str, ...]:
        """What the levels of a cell mean: "tiles: a tiled loop, …"; none for a cell that is not known."""
        if len(cell) != len(self.bins):
            return ()
        levels = [
            name
            for names, bins, place in zip(LEVELS, self.bins, cell, strict=True)
            for level, name in enumerate(names)
            if level * bins // 4 == place
        ]
        return tuple(f"{name}: {MEANINGS[name]}" for name in levels)

    @property
    def cells(self) -> int:
        """Number of cells."""
        first, second, third = self.bins
        return first * second * third


_FITTED: tuple[tuple[int, tuple[int, int, int]], ...] = (
    (850, (4, 4, 4)),
    (500, (4, 3, 4)),
    (300, (4, 3, 2)),
    (90, (3, 2, 2)),
)
