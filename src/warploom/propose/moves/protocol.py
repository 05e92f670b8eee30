"""What a move is: a rewrite of the syntax tree at a site, with parameters.

A move need not prove that it is legal (the judge does), but it must do no extra work, and it must decline
(:class:`~warploom.errors.NotApplicable`) where it plainly does not fit, so that evaluations are not wasted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from warploom.syntax.cpp.tree import Unit
from warploom.values.candidate import Scalar


class Phase(IntEnum):
    """Moves of a recipe are replayed in this order, because an early vectorise or parallel blocks what comes after."""

    ALGEBRA = 0  # common subexpressions, reciprocal, online forms, store or recompute, hoist
    LAYOUT = 1  # pack, transpose, pad, split index sets, unpack int8
    LOOPS = 2  # interchange, sink, tile, fuse, distribute, row-jammed scans
    BLOCKING = 3  # register blocks, unroll-and-jam that must happen before vectors
    VECTOR = 4  # vectorise, accumulators, polynomial exp
    JAM = 5  # jam of loops around vectors
    THREADS = 6  # parallel with restrict outlining
    POLISH = 7  # non-temporal stores, alignment, flags, prefetch, pragmas


@dataclass(frozen=True)
class Site:
    """A place where a move applies.

    Attributes:
        label: stable name that survives unrelated moves: ``"function:variable"`` of a loop where there is one.
        choices: parameter name → sensible values, the best guess first.
    """

    label: str
    choices: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)


class Move(Protocol):
    """One kind of rewrite. Stateless."""

    @property
    def name(self) -> str:
        """As written in recipes: "vectorise"."""
        ...

    @property
    def phase(self) -> Phase:
        """Where it stands in a recipe."""
        ...

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Every place where :meth:`apply` would succeed, with the parameters worth trying."""
        ...

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The rewritten tree.

        Raises:
            NotApplicable: no such site, or the rewrite does not fit there.
        """
        ...


def meaning_of(move: Move) -> str:
    """What a move does: the first sentences of its docstring, without its parameters and without markup."""
    first = " ".join((type(move).__doc__ or "").split("\n\n")[0].split())
    plain = re.sub(r":\w+:`|`", "", re.split(r" (?:Site|Parameters?): ", first)[0])
    return plain if first.startswith(("`", ":")) else plain[:1].upper() + plain[1:]
