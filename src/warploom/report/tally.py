"""What a run looks like so far, counted from its events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warploom.values.ends import Ends
from warploom.values.event import Declined, Evaluated, Event, Migrated, NotPromoted, Promoted, Proposed, RunStarted
from warploom.values.measure import SPEEDUP, measure_of

CURVE_POINTS = 512
"""Points of the curve that are kept: when there are more, every second one is dropped."""


@dataclass(frozen=True)
class Record:
    """A screened candidate that was better than all before it.

    Attributes:
        candidate: its id.
        evaluation: how many candidates had been judged by then, itself included.
        fitness: log speedup over eager, or its score.
        spread: half-width of its interval.
        gain: how many times faster than the best before it; 1 for the first, and where fitness is no speedup.
        beaten: fitness of the best before it; None for the first.
        operator: how it was made.
        note: one line of its proposer.
        ends: its interval; None where only the half-width is known.
    """

    candidate: str
    evaluation: int
    fitness: float
    spread: float
    gain: float
    operator: str
    note: str
    beaten: float | None = None
    ends: Ends | None = None


@dataclass
class Island:
    """One island as the live view shows it: filled cells, best fitness with its interval, candidates judged."""

    cells: set[tuple[int, ...]] = field(default_factory=set)
    fitness: float = -math.inf
    spread: float = 0.0
    ends: Ends | None = None
    evaluations: int = 0


class Tally:
    """Counts events; holds no candidate but the best, so that it stays small however long the run is."""

    def __init__(self) -> None:
        self.config: Mapping[str, Any] = {}
        self.measure = SPEEDUP
        self.problem = ""
        self.evaluations = 0
        self.passed = 0
        self.failures: Counter[str] = Counter()
        self.declined = 0
        self.migrations = 0
        self.proposed: Counter[str] = Counter()
        """Candidates by proposer."""
        self.improved: Counter[str] = Counter()
        """By proposer, how often a candidate became the best, the first one not counted."""
        self.islands: dict[int, Island] = {}
        self.record: Record | None = None
        self.promoted: Promoted | None = None
        self._best_once: set[str] = set()
        self.curve: list[float] = []
        self._stride = 1
        self._proposed: dict[int, Proposed] = {}

    @property
    def promotions(self) -> int:
        """Candidates that were promoted; one whose measurement was taken once more counts once."""
        return len(self._best_once)

    def add(self, event: Event) -> None:
        """Count one event."""
        match event:
            case RunStarted():
                self.config = event.config
                self.measure = measure_of(event.config)
                self.problem = str(event.problem.get("name", ""))
            case Proposed():
                self.were_proposed((event,))
            case Evaluated():
                self.was_judged(event)
            case Promoted():
                self.promoted = event
                self._best_once.add(event.candidate)
            case NotPromoted(candidate) if self.promoted is not None and self.promoted.candidate == candidate:
                self.promoted = None  # it was measured once more
            case Declined():
                self.declined += 1
            case Migrated():
                self.migrations += len(event.moves)

    def were_proposed(self, events: Sequence[Proposed]) -> None:
        """Count candidates that are to be judged."""
        self._proposed.update({event.number: event for event in events})
        self.proposed.update([event.proposer for event in events])

    def was_judged(self, event: Evaluated) -> Proposed | None:
        """Count what came of a candidate; gives how it was proposed, None where nothing told so."""
        self.evaluations += 1
        proposed = self._proposed.pop(event.number, None)
        if event.fitness is None:
            self.failures[event.outcome] += 1
        else:
            self.passed += 1
            island = self.islands.get(event.island)
            if island is None:
                island = self.islands[event.island] = Island()
            island.evaluations += 1
            if event.fitness > island.fitness:
                island.fitness, island.spread, island.ends = event.fitness, event.spread, event.ends
            if event.cell is not None and event.status in {"new", "improved"}:
                island.cells.add(tuple(event.cell))
            best = self.record.fitness if self.record else None
            if best is None or event.fitness > best:
                if best is not None and proposed is not None:
                    self.improved[proposed.proposer] += 1
                self.record = Record(
                    candidate=event.candidate,
                    evaluation=self.evaluations,
                    fitness=event.fitness,
                    spread=event.spread,
                    gain=1.0 if best is None or self.measure is not SPEEDUP else math.exp(event.fitness - best),
                    operator=proposed.operator if proposed else "",
                    note=proposed.note if proposed else "",
                    beaten=best,
                    ends=event.ends,
                )
        if self.record and self.evaluations % self._stride == 0:
            self.curve.append(self.record.fitness)
            if len(self.curve) > CURVE_POINTS:
                self.curve = self.curve[1::2]
                self._stride *= 2
        return proposed
