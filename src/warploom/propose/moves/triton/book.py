"""The book of Triton."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.propose.moves.book import Book, Composite, may, must
from warploom.propose.moves.protocol import Move
from warploom.propose.moves.triton import hints, loops, programs, split

MOVES: tuple[Move, ...] = (*loops.MOVES, *programs.MOVES, *split.MOVES, *hints.MOVES)

PRIORS: Mapping[str, tuple[float, float]] = {
    "aligned_axis": (3.0, 2.0),
    "one_pass": (3.0, 2.0),
    "whole_blocks": (2.0, 2.0),
    "grouped": (2.0, 2.0),
    "loop_hint": (1.5, 3.0),
    "constant": (1.5, 3.0),
    "accumulate": (0.2, 8.0),
}
"""What is expected of a move before any was measured; not one has been, for want of a GPU."""

_ALIGNED = may("aligned_axis", "@first")

COMPOSITES: tuple[Composite, ...] = (
    Composite("aligned rows", (must("aligned_axis", "@first"),)),
    Composite("whole blocks, aligned rows", (must("whole_blocks", "@every"), _ALIGNED)),
    Composite("one pass, aligned rows", (must("one_pass", "@first"), _ALIGNED)),
    Composite("grouped, aligned rows", (must("grouped", "@first", group=8), _ALIGNED)),
    Composite("persistent, aligned rows", (_ALIGNED, must("persistent", "@first", programs=264))),
    Composite("shared sums, aligned rows", (must("split_k", "@first"), _ALIGNED)),
    Composite("aligned rows, read once", (_ALIGNED, must("cache_hint", "@every", hint="evict_first"))),
    Composite(
        "whole blocks, pipelined", (may("whole_blocks", "@every"), must("loop_hint", "@every", stages=3, unroll=1))
    ),
    Composite("unrolled loops", (must("loop_hint", "@every", stages=0, unroll=2), _ALIGNED)),
    Composite("eight warps", (_ALIGNED, must("compiler_option", "num_warps", value=8))),
)

TRITON = Book(MOVES, COMPOSITES, (), PRIORS)
