"""The books of CUDA and HIP."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.propose.moves.book import Book, Composite, may, must, possible
from warploom.propose.moves.cuda import blocks, buffers, copies, hints, split
from warploom.propose.moves.protocol import Move

MOVES: tuple[Move, ...] = (*blocks.MOVES, *split.MOVES, *copies.MOVES, *buffers.MOVES, *hints.MOVES)
HIP_MOVES: tuple[Move, ...] = (*blocks.MOVES, *split.MOVES, *buffers.MOVES, *hints.SHARED)

FLAG_SETS: tuple[tuple[str, ...], ...] = (
    ("--use_fast_math",),
    ("--extra-device-vectorization",),
    ("--maxrregcount=128",),
    ("--maxrregcount=64",),
    ("--use_fast_math", "--extra-device-vectorization"),
)
HIP_FLAG_SETS: tuple[tuple[str, ...], ...] = (("-ffast-math",), ("-funroll-loops",), ("-ffp-contract=fast",), ("-O2",))

PRIORS: Mapping[str, tuple[float, float]] = {
    "grouped_blocks": (2.0, 2.0),
    "async_copy": (2.0, 2.0),
    "double_buffer": (2.0, 2.0),
    "unroll_loop": (1.0, 4.0),
    "restrict_pointers": (2.0, 3.0),
}
"""What is expected of a move before any was measured; not one has been, for want of a GPU."""

_RESTRICTED = may("restrict_pointers", "@first")

COMPOSITES: tuple[Composite, ...] = (
    Composite("restricted", (must("restrict_pointers", "@first"),)),
    Composite(
        "two buffers",
        (_RESTRICTED, may("async_copy", "@every"), must("double_buffer", "@first")),
    ),
    Composite("copies past the registers", (_RESTRICTED, must("async_copy", "@every"))),
    Composite("grouped", (_RESTRICTED, must("grouped_blocks", "@first", group=8))),
    Composite("shared sums", (_RESTRICTED, must("split_k", "@first"), may("double_buffer", "@first"))),
    Composite(
        "grouped, two buffers",
        (must("grouped_blocks", "@first", group=8), may("async_copy", "@every"), must("double_buffer", "@first")),
    ),
    Composite("two blocks resident", (_RESTRICTED, must("launch_bounds", "@first", blocks=2))),
    Composite("persistent", (_RESTRICTED, must("persistent_blocks", "@first", blocks=264))),
    Composite("loops unrolled", (_RESTRICTED, must("unroll_loop", "@every", times=4))),
    Composite("read once", (may("cached_load", "@every", by="__ldcs"), must("streamed_store", "@every"))),
)

CUDA = Book(MOVES, COMPOSITES, FLAG_SETS, PRIORS)
HIP = Book(HIP_MOVES, possible(COMPOSITES, HIP_MOVES), HIP_FLAG_SETS, PRIORS)
