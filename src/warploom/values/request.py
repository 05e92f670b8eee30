"""What a strategy asks of a proposer, and what it is told afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.ends import Ends
from warploom.values.outcome import Evaluation

Cell = tuple[int, ...]
"""Bin of a candidate on each behaviour axis."""


@dataclass(frozen=True)
class Individual:
    """A candidate that passed, as the archive keeps it.

    Attributes:
        candidate: the implementation.
        lineage: where it came from.
        fitness: log of the median speedup over eager, geometric mean over the workloads; or of a score, see
            :mod:`warploom.values.measure`.
        cell: its bin in the grid.
        island: index of the island it lives on.
        spread: half-width of the interval of ``fitness``.
        facts: static facts of its build.
        ends: that interval; None where only its half-width is known, and of a score.
    """

    candidate: Candidate
    lineage: Lineage
    fitness: float
    cell: Cell
    island: int = 0
    spread: float = 0.0
    facts: Mapping[str, int] = field(default_factory=dict)
    ends: Ends | None = None


@dataclass(frozen=True)
class Request:
    """What a proposer is asked for.

    Attributes:
        number: counts requests of the run, from 0.
        operator: "seed", "grow", "crossover", "tune", "improve", …; "" leaves the choice to the proposer.
        parents: one parent, or two for a crossover; the first is the one to start from.
        inspirations: others worth looking at, best first.
        target_cell: where a candidate is wanted; None when anywhere.
        island: index of the island that asks.
        seed: seed of all randomness in this proposal; the same request gives the same candidate.
        progress: share of the budget that is spent, 0 to 1.
        hints: what the person who runs the search says to those who write kernels.
        pinned: whether that person chose the parent.
    """

    number: int
    operator: str
    parents: tuple[Individual, ...]
    inspirations: tuple[Individual, ...]
    target_cell: Cell | None
    island: int
    seed: int
    progress: float = 0.0
    hints: tuple[str, ...] = ()
    pinned: bool = False


@dataclass(frozen=True)
class Feedback:
    """What came of a proposal: told to strategy and proposer alike.

    Attributes:
        request: the request that was answered.
        proposal: the answer.
        evaluation: its outcome, failures too.
        fitness: as in :class:`Individual`; None when it failed.
        parent_fitness: fitness of the first parent; None for a seed.
        best_before: best fitness of the run before it; None for the first.
        status: "failed", "not_added", "improved" (replaced an elite) or "new" (filled an empty cell).
        cost_seconds: time it cost to judge.
    """

    request: Request
    proposal: Proposal
    evaluation: Evaluation
    fitness: float | None
    parent_fitness: float | None
    best_before: float | None
    status: str
    cost_seconds: float = 0.0
