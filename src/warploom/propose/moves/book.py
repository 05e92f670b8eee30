"""Every move, and the composites that are tried first.

Composites are what experience says pays *together*: alone, ``parallel`` without ``restrict`` or ``interchange`` without
``vectorise`` make a kernel slower, and a search that takes one step at a time never gets past them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warploom.propose.moves import (
    blocking,
    loops,
    maths,
    packing,
    padding,
    passes,
    reductions,
    sharing,
    streams,
    strips,
    threads,
    unpack,
    vectors,
)
from warploom.propose.moves.protocol import Move
from warploom.values.candidate import Scalar

MOVES: tuple[Move, ...] = (
    *passes.MOVES,
    *maths.MOVES,
    *packing.MOVES,
    *padding.MOVES,
    *unpack.MOVES,
    *loops.MOVES,
    *strips.MOVES,
    *sharing.MOVES,
    *blocking.MOVES,
    *reductions.MOVES,
    *vectors.MOVES,
    *threads.MOVES,
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


@dataclass(frozen=True)
class Pick:
    """One step of a composite: a move, a selector, and parameters to insist on.

    A composite falls when a required pick finds no site; an optional one is skipped.
    """

    move: str
    site: str = "@every"
    parameters: tuple[tuple[str, Scalar], ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Composite:
    """Moves that pay together, in phase order."""

    name: str
    picks: tuple[Pick, ...]


def _must(move: str, site: str = "@every", **parameters: Scalar) -> Pick:
    return Pick(move, site, tuple(parameters.items()), required=True)


def _may(move: str, site: str = "@every", **parameters: Scalar) -> Pick:
    return Pick(move, site, tuple(parameters.items()))


_THREADS = _may("parallel", "@outermost", parts=4)
_FINISH = (_may("vectorise"), _THREADS)
_MATHS = (_may("inline_call"), _may("reciprocal"), _may("tanh_by_exp"), _may("narrow"))
_STREAMS = _must("stream_stores")


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
                _may("inline_call"),
                _may("tanh_by_exp"),
                _must("register_block", site, rows=rows, vectors=vectors, outer=outer, pack=pack),
                *_FINISH,
            ),
        )
        for name, site, rows, vectors, outer, pack in shapes
    )


COMPOSITES: tuple[Composite, ...] = (
    Composite("vectors and threads", (_must("vectorise"), _THREADS)),
    Composite("maths, vectors, threads", (*_MATHS, *_FINISH)),
    Composite("maths, vectors, threads, streams", (*_MATHS, *_FINISH, _STREAMS)),
    *_blocks(),
    Composite(
        "strips, group shared, dot products, blocks",
        (
            _may("strip_reduction", "@first", depth=256),
            _must("share_group", "@first"),
            _may("dot_block", "@first", vectors=1),
            _may("register_block", "@every", vectors=8),
            _may("vectorise", accumulators=1),
            _THREADS,
        ),
    ),
    Composite("group shared", (_must("share_group", "@first"), *_FINISH)),
    Composite(
        "packed, rows shared, blocks",
        (
            _must("pack", "@first"),
            _must("share_rows", "@first", rows=8),
            _may("register_block", "@every", vectors=3),
            _may("vectorise", accumulators=1),
            _THREADS,
        ),
    ),
    Composite("packed, blocks", (_must("pack", "@first"), _may("register_block"), *_FINISH)),
    Composite("rows shared, blocks", (_must("share_rows", "@first"), _may("register_block"), *_FINISH)),
    Composite("dot products", (_may("unpack"), _must("dot_block", "@first"), *_FINISH)),
    Composite("dot products, second place", (_must("dot_block", "@2", rows=4, vectors=2), *_FINISH)),
    Composite("store a pass", (*_MATHS, _must("store_to_output", "@first"), *_FINISH)),
    Composite("fold passes, streams", (*_MATHS, _must("fold_pass", "@first"), *_FINISH, _may("stream_stores"))),
    Composite("online", (*_MATHS, _must("online", "@first"), *_FINISH)),
    Composite("rows jammed", (*_MATHS, _must("vectorise", accumulators=2), _must("jam", "@first", factor=4), _THREADS)),
    Composite("sink", (*_MATHS, _must("sink", "@first"), *_FINISH)),
    Composite("sink, streams", (*_MATHS, _must("sink", "@first"), *_FINISH, _STREAMS)),
    Composite("sums in strips", (_may("inline_call"), _may("reciprocal"), _must("strip_sums"), *_FINISH)),
    Composite("strips", (*_MATHS, _must("strip_reduction", "@first"), *_FINISH)),
    Composite("scan in registers", (_must("scan_in_register"), _THREADS)),
    Composite("scan in registers, streams", (_must("scan_in_register"), _THREADS, _STREAMS)),
    Composite("no bounds checks inside", (_must("split_indices"), *_FINISH)),
    Composite("simd pragmas", (*_MATHS, _may("poly_exp"), _must("simd"), _THREADS)),
    Composite("threads", (_must("parallel", "@outermost"),)),
)
