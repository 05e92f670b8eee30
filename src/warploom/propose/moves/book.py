"""What is written of a language: its moves, which of them pay together, and its compiler flags.

Composites are what experience says pays *together*: alone, ``parallel`` without ``restrict`` or ``interchange`` without
``vectorise`` make a kernel slower, and a search that takes one step at a time never gets past them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from warploom.propose.moves.protocol import Move
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class Pick:
    """One step of a composite: a move, a selector, and parameters to insist on.

    A composite falls when a required pick finds no site; an optional one is skipped.
    """

    move: str
    site: str = "@every"
    parameters: tuple[tuple[str, Scalar], ...] = ()
    required: bool = False


def must(move: str, site: str = "@every", **parameters: Scalar) -> Pick:
    """A step without which the composite is not what it says."""
    return Pick(move, site, tuple(parameters.items()), required=True)


def may(move: str, site: str = "@every", **parameters: Scalar) -> Pick:
    """A step that is taken where it fits."""
    return Pick(move, site, tuple(parameters.items()))


@dataclass(frozen=True)
class Composite:
    """Moves that pay together, in phase order."""

    name: str
    picks: tuple[Pick, ...]


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
    priors: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def possible(composites: Sequence[Composite], moves: Collection[Move]) -> tuple[Composite, ...]:
    """The composites without the steps that these moves cannot take; none where such a step is required."""
    known = {move.name for move in moves}
    return tuple(
        replace(one, picks=tuple(pick for pick in one.picks if pick.move in known))
        for one in composites
        if all(pick.move in known or not pick.required for pick in one.picks)
    )
