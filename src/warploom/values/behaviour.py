"""The kinds of kernels that a run tells apart: three axes of four levels, and the bins they fall into.

How a candidate is placed on them is read off its source and build, see :mod:`warploom.archive.descriptors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

GPU_LEVELS: tuple[tuple[str, ...], ...] = (
    ("single elements", "wide accesses", "shared memory", "asynchronous copies"),
    ("plain arithmetic", "plain arithmetic", "matrix units", "matrix units"),
    ("threads alone", "warps", "blocks", "warps and blocks"),
)
"""The levels of kernels for GPUs; of computation there are two, which are the first and the last."""

GPU_MEANINGS: dict[str, str] = {
    "single elements": "each access to global memory is of one element",
    "wide accesses": "global memory is read or written in vectors of two to eight elements a thread",
    "shared memory": "what a block uses again is kept in its shared memory",
    "asynchronous copies": "data goes from global into shared memory past the registers, while something else is done",
    "plain arithmetic": "no matrix units",
    "matrix units": "products of tiles by matrix units",
    "threads alone": "threads exchange nothing",
    "warps": "threads of a warp exchange values by shuffles",
    "blocks": "threads of a block exchange values, with barriers",
    "warps and blocks": "both",
}
"""As :data:`MEANINGS`, for them."""


@dataclass(frozen=True)
class Resolution:
    """How many bins each axis has: at most four, fewer when the budget could not fill them.

    Attributes:
        bins: of each axis.
        gpu: whether the kernels run on a GPU, where levels have other names.
    """

    bins: tuple[int, int, int]
    gpu: bool = False

    @classmethod
    def fit(cls, evaluations: int, islands: int = 1, *, gpu: bool = False) -> Resolution:
        """About one cell for a dozen evaluations of an island; all 64 cells from 2,000 evaluations on."""
        share = evaluations / max(1, islands) ** 0.5
        bins = next((bins for least, bins in _FITTED if share >= least), (2, 2, 2))
        return cls(bins, gpu)

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Names of the levels, axis by axis."""
        return GPU_LEVELS if self.gpu else LEVELS

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
            f"{axis}: " + " or ".join(_within(names, bins, place))
            for axis, names, bins, place in zip(AXES, self.levels, self.bins, cell, strict=True)
        )

    def meanings(self, cell: Cell) -> tuple[str, ...]:
        """What the levels of a cell mean: "tiles: a tiled loop, …"; none for a cell that is not known."""
        if len(cell) != len(self.bins):
            return ()
        known: Mapping[str, str] = GPU_MEANINGS if self.gpu else MEANINGS
        binned = zip(self.levels, self.bins, cell, strict=True)
        return tuple(f"{name}: {known[name]}" for axis in binned for name in _within(*axis))

    @property
    def cells(self) -> int:
        """Number of cells."""
        first, second, third = self.bins
        return first * second * third


def _within(names: tuple[str, ...], bins: int, place: int) -> list[str]:
    """The names of the levels that fall into a bin, each once."""
    return list(dict.fromkeys(name for level, name in enumerate(names) if level * bins // 4 == place))


_FITTED: tuple[tuple[int, tuple[int, int, int]], ...] = (
    (850, (4, 4, 4)),
    (500, (4, 3, 4)),
    (300, (4, 3, 2)),
    (90, (3, 2, 2)),
)
