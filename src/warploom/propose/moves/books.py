"""What may be done to the kernels of a language: its moves, which of them pay together, its compiler flags."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from warploom.propose.moves import gpu_book, loops, maths, passes
from warploom.propose.moves.book import COMPOSITES, FLAG_SETS, MOVE_PRIORS, MOVES, Composite
from warploom.propose.moves.protocol import Move


@dataclass(frozen=True)
class Book:
    """The book of one language.

    Attributes:
        moves: every move.
        composites: moves that pay together, tried first.
        flag_sets: compiler flags worth a try late in a run.
        priors: move → (successes, failures) it starts from.
    """

    moves: tuple[Move, ...] = ()
    composites: tuple[Composite, ...] = ()
    flag_sets: tuple[tuple[str, ...], ...] = ()
    priors: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MOVE_PRIORS)


def _left(composites: Sequence[Composite], moves: Collection[Move]) -> tuple[Composite, ...]:
    """The composites without the steps that these moves cannot take; none where such a step is required."""
    known = {move.name for move in moves}
    return tuple(
        replace(one, picks=tuple(pick for pick in one.picks if pick.move in known))
        for one in composites
        if all(pick.move in known or not pick.required for pick in one.picks)
    )


# Work-groups are the threads, and there is no memory but what a work-item has: nothing of `threads`, `packing` or
# `streams`. Nor anything with explicit vectors of sixteen: PoCL's compiler dies of them where it takes the processor
# for one without AVX-512. Plain loops over neighbours it vectorises itself.
_OPENCL = (*passes.MOVES, *maths.MOVES, *loops.MOVES)

BOOKS: dict[str, Book] = {
    "cpp": Book(MOVES, COMPOSITES, FLAG_SETS),
    "opencl": Book(
        _OPENCL,
        _left(COMPOSITES, _OPENCL),
        (
            ("-cl-mad-enable",),
            ("-cl-unsafe-math-optimizations",),
            ("-cl-fast-relaxed-math",),
        ),
    ),
    "triton": Book(gpu_book.TRITON_MOVES, gpu_book.TRITON_COMPOSITES, (), gpu_book.PRIORS),
    "cuda": Book(gpu_book.CUDA_MOVES, gpu_book.CUDA_COMPOSITES, gpu_book.CUDA_FLAGS, gpu_book.PRIORS),
    "hip": Book(
        gpu_book.HIP_MOVES, _left(gpu_book.CUDA_COMPOSITES, gpu_book.HIP_MOVES), gpu_book.HIP_FLAGS, gpu_book.PRIORS
    ),
}
"""Language → its book."""


def book_of(language: str) -> Book:
    """The book of a language; an empty one where none is written: then parameters alone are tuned."""
    return BOOKS.get(language, Book())
