"""The books of Triton, CUDA and HIP: their moves, which of them pay together, and compiler flags worth a try."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.propose.moves import (
    cuda_blocks,
    cuda_buffers,
    cuda_copies,
    cuda_hints,
    cuda_split,
    triton_hints,
    triton_loops,
    triton_programs,
    triton_split,
)
from warploom.propose.moves.book import Composite, Pick
from warploom.propose.moves.protocol import Move
from warploom.values.candidate import Scalar

TRITON_MOVES: tuple[Move, ...] = (
    *triton_loops.MOVES,
    *triton_programs.MOVES,
    *triton_split.MOVES,
    *triton_hints.MOVES,
)
CUDA_MOVES: tuple[Move, ...] = (
    *cuda_blocks.MOVES,
    *cuda_split.MOVES,
    *cuda_copies.MOVES,
    *cuda_buffers.MOVES,
    *cuda_hints.MOVES,
)
HIP_MOVES: tuple[Move, ...] = (*cuda_blocks.MOVES, *cuda_split.MOVES, *cuda_buffers.MOVES, *cuda_hints.SHARED)

CUDA_FLAGS: tuple[tuple[str, ...], ...] = (
    ("--use_fast_math",),
    ("--extra-device-vectorization",),
    ("--maxrregcount=128",),
    ("--maxrregcount=64",),
    ("--use_fast_math", "--extra-device-vectorization"),
)
HIP_FLAGS: tuple[tuple[str, ...], ...] = (("-ffast-math",), ("-funroll-loops",), ("-ffp-contract=fast",), ("-O2",))

PRIORS: Mapping[str, tuple[float, float]] = {
    "aligned_axis": (3.0, 2.0),
    "one_pass": (3.0, 2.0),
    "whole_blocks": (2.0, 2.0),
    "grouped": (2.0, 2.0),
    "grouped_blocks": (2.0, 2.0),
    "async_copy": (2.0, 2.0),
    "double_buffer": (2.0, 2.0),
    "loop_hint": (1.5, 3.0),
    "unroll_loop": (1.0, 4.0),
    "restrict_pointers": (2.0, 3.0),
    "constant": (1.5, 3.0),
    "accumulate": (0.2, 8.0),
}
"""What is expected of a move before any was measured; not one has been, for want of a GPU."""


def _must(move: str, site: str = "@first", **parameters: Scalar) -> Pick:
    return Pick(move, site, tuple(parameters.items()), required=True)


def _may(move: str, site: str = "@first", **parameters: Scalar) -> Pick:
    return Pick(move, site, tuple(parameters.items()))


_ALIGNED = _may("aligned_axis")

TRITON_COMPOSITES: tuple[Composite, ...] = (
    Composite("aligned rows", (_must("aligned_axis"),)),
    Composite("whole blocks, aligned rows", (_must("whole_blocks", "@every"), _ALIGNED)),
    Composite("one pass, aligned rows", (_must("one_pass"), _ALIGNED)),
    Composite("grouped, aligned rows", (_must("grouped", group=8), _ALIGNED)),
    Composite("persistent, aligned rows", (_ALIGNED, _must("persistent", programs=264))),
    Composite("shared sums, aligned rows", (_must("split_k"), _ALIGNED)),
    Composite("aligned rows, read once", (_ALIGNED, _must("cache_hint", "@every", hint="evict_first"))),
    Composite(
        "whole blocks, pipelined", (_may("whole_blocks", "@every"), _must("loop_hint", "@every", stages=3, unroll=1))
    ),
    Composite("unrolled loops", (_must("loop_hint", "@every", stages=0, unroll=2), _ALIGNED)),
    Composite("eight warps", (_ALIGNED, _must("compiler_option", "num_warps", value=8))),
)

CUDA_COMPOSITES: tuple[Composite, ...] = (
    Composite("restricted", (_must("restrict_pointers"),)),
    Composite("two buffers", (_may("restrict_pointers"), _may("async_copy", "@every"), _must("double_buffer"))),
    Composite("copies past the registers", (_may("restrict_pointers"), _must("async_copy", "@every"))),
    Composite("grouped", (_may("restrict_pointers"), _must("grouped_blocks", group=8))),
    Composite("shared sums", (_may("restrict_pointers"), _must("split_k"), _may("double_buffer"))),
    Composite(
        "grouped, two buffers",
        (_must("grouped_blocks", group=8), _may("async_copy", "@every"), _must("double_buffer")),
    ),
    Composite("two blocks resident", (_may("restrict_pointers"), _must("launch_bounds", blocks=2))),
    Composite("persistent", (_may("restrict_pointers"), _must("persistent_blocks", blocks=264))),
    Composite("loops unrolled", (_may("restrict_pointers"), _must("unroll_loop", "@every", times=4))),
    Composite("read once", (_may("cached_load", "@every", by="__ldcs"), _must("streamed_store", "@every"))),
)
