"""The book of C++: every move on loop nests, and the composites that are tried first. OpenCL takes a part of it."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.propose.moves.book import Book, Composite, may, must, possible
from warploom.propose.moves.cpp.arithmetic import maths
from warploom.propose.moves.cpp.blocks import blocking, sharing
from warploom.propose.moves.cpp.loops import padding, reorder
from warploom.propose.moves.cpp.memory import packing, streams, unpack
from warploom.propose.moves.cpp.passes import kept
from warploom.propose.moves.cpp.sums import reductions, strips
from warploom.propose.moves.cpp.threads import parallel
from warploom.propose.moves.cpp.vectors import vectorise
from warploom.propose.moves.protocol import Move

MOVES: tuple[Move, ...] = (
    *kept.MOVES,
    *maths.MOVES,
    *packing.MOVES,
    *padding.MOVES,
    *unpack.MOVES,
    *reorder.MOVES,
    *strips.MOVES,
    *sharing.MOVES,
    *blocking.MOVES,
    *reductions.MOVES,
    *vectorise.MOVES,
    *parallel.MOVES,
    *streams.MOVES,
)

FLAG_SETS: tuple[tuple[str, ...], ...] = (
    ("-O2",),
    ("-ffast-math",),
    ("-fno-math-errno", "-fno-trapping-math"),
    ("-funroll-loops",),
    ("-mprefer-vector-width=512",),
    ("-mprefer-vector-width=256",),
)
"""Compiler flags worth a try late in a run; measured elsewhere, each is within 5 % either way."""

MOVE_PRIORS: Mapping[str, tuple[float, float]] = {
    "vectorise": (4.0, 2.0),
    "parallel": (4.0, 2.0),
    "register_block": (3.0, 2.0),
    "share_group": (3.0, 2.0),
    "sink": (2.0, 2.0),
    "stream_stores": (2.0, 3.0),
    "store_to_output": (2.0, 3.0),
    "tile": (0.5, 6.0),
    "interchange": (0.7, 6.0),
    "unroll": (0.5, 6.0),
    "prefetch": (0.3, 8.0),
    "distribute": (0.2, 8.0),
}
"""How often a move improved its parent in earlier studies: (successes, failures) each starts from."""


_THREADS = may("parallel", "@outermost", parts=4)
_FINISH = (may("vectorise"), _THREADS)
_MATHS = (may("inline_call"), may("reciprocal"), may("tanh_by_exp"), may("narrow"))
_STREAMS = must("stream_stores")


def _blocks() -> tuple[Composite, ...]:
    """Register blocks of the first places that offer one, in the shapes that won by hand."""
    shapes: tuple[tuple[str, str, int, int, str, str], ...] = (
        ("columns outside", "@first", 6, 4, "columns", "none"),
        ("rows outside", "@first", 6, 4, "rows", "none"),
        ("panels, columns outside", "@first", 8, 2, "columns", "panel"),
        ("second place", "@2", 8, 2, "rows", "none"),
        ("second place, panels", "@2", 6, 4, "columns", "panel"),
        ("panels of five", "@first", 5, 5, "columns", "panel"),
    )
    return tuple(
        Composite(
            f"register block, {name}",
            (
                may("inline_call"),
                may("tanh_by_exp"),
                must("register_block", site, rows=rows, vectors=vectors, outer=outer, pack=pack),
                *_FINISH,
            ),
        )
        for name, site, rows, vectors, outer, pack in shapes
    )


COMPOSITES: tuple[Composite, ...] = (
    Composite("vectors and threads", (must("vectorise"), _THREADS)),
    Composite("maths, vectors, threads", (*_MATHS, *_FINISH)),
    Composite("maths, vectors, threads, streams", (*_MATHS, *_FINISH, _STREAMS)),
    *_blocks(),
    Composite(
        "strips, group shared, dot products, blocks",
        (
            may("strip_reduction", "@first", depth=256),
            must("share_group", "@first"),
            may("dot_block", "@first", vectors=1),
            may("register_block", "@every", vectors=8),
            may("vectorise", accumulators=1),
            _THREADS,
        ),
    ),
    Composite("group shared", (must("share_group", "@first"), *_FINISH)),
    Composite(
        "packed, rows shared, blocks",
        (
            must("pack", "@first"),
            must("share_rows", "@first", rows=8),
            may("register_block", "@every", vectors=3),
            may("vectorise", accumulators=1),
            _THREADS,
        ),
    ),
    Composite("packed, blocks", (must("pack", "@first"), may("register_block"), *_FINISH)),
    Composite("rows shared, blocks", (must("share_rows", "@first"), may("register_block"), *_FINISH)),
    Composite("dot products", (may("unpack"), must("dot_block", "@first"), *_FINISH)),
    Composite("dot products, second place", (must("dot_block", "@2", rows=4, vectors=2), *_FINISH)),
    Composite("store a pass", (*_MATHS, must("store_to_output", "@first"), *_FINISH)),
    Composite("fold passes, streams", (*_MATHS, must("fold_pass", "@first"), *_FINISH, may("stream_stores"))),
    Composite("online", (*_MATHS, must("online", "@first"), *_FINISH)),
    Composite("rows jammed", (*_MATHS, must("vectorise", accumulators=2), must("jam", "@first", factor=4), _THREADS)),
    Composite("sink", (*_MATHS, must("sink", "@first"), *_FINISH)),
    Composite("sink, streams", (*_MATHS, must("sink", "@first"), *_FINISH, _STREAMS)),
    Composite("sums in strips", (may("inline_call"), may("reciprocal"), must("strip_sums"), *_FINISH)),
    Composite("strips", (*_MATHS, must("strip_reduction", "@first"), *_FINISH)),
    Composite("scan in registers", (must("scan_in_register"), _THREADS)),
    Composite("scan in registers, streams", (must("scan_in_register"), _THREADS, _STREAMS)),
    Composite("no bounds checks inside", (must("split_indices"), *_FINISH)),
    Composite("simd pragmas", (*_MATHS, may("poly_exp"), must("simd"), _THREADS)),
    Composite("threads", (must("parallel", "@outermost"),)),
)

CPP = Book(MOVES, COMPOSITES, FLAG_SETS, MOVE_PRIORS)

# Work-groups are the threads, and there is no memory but what a work-item has: nothing of `threads` or `memory`. Nor
# anything with explicit vectors of sixteen: PoCL's compiler dies of them where it takes the processor for one without
# AVX-512. Plain loops over neighbours it vectorises itself.
_OPENCL = (*kept.MOVES, *maths.MOVES, *reorder.MOVES)

OPENCL = Book(
    _OPENCL,
    possible(COMPOSITES, _OPENCL),
    (
        ("-cl-mad-enable",),
        ("-cl-unsafe-math-optimizations",),
        ("-cl-fast-relaxed-math",),
    ),
    MOVE_PRIORS,
)
