"""What happened in a run, read from its journal in one pass over small rows: no source and no sample is decoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

from warploom.archive.journal import Journal
from warploom.report.html.filling import Filling
from warploom.report.tally import Record, Tally
from warploom.values.event import (
    Asked,
    Declined,
    Evaluated,
    NotPromoted,
    Promoted,
    Proposed,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate that was judged.

    Attributes:
        place: how many had been judged by then, itself included.
        candidate: its id.
        outcome: "passed", or the kind of failure.
        fitness: log speedup over eager; None when it failed.
        spread: half-width of its interval.
        proposer: who made it.
        operator: what it was asked to do, such as "grow:parallel".
        note: one line of the proposer.
        parent: id of its first parent, "" for a seed.
        parent_fitness: what was known of the parent when it was chosen; None for a seed.
        parent_spread: likewise.
    """

    place: int
    candidate: str
    outcome: str
    fitness: float | None
    spread: float
    proposer: str
    operator: str
    note: str
    parent: str
    parent_fitness: float | None
    parent_spread: float

    @property
    def gain(self) -> float | None:
        """Log of how many times faster than its parent; None where one of the two has no speedup."""
        return None if self.fitness is None or self.parent_fitness is None else self.fitness - self.parent_fitness


@dataclass(frozen=True)
class Trial:
    """A candidate that was measured again, in a fresh process, to become the best.

    Attributes:
        place: how many had been judged by then.
        event: what came of it.
    """

    place: int
    event: Promoted | NotPromoted


@dataclass
class Breakage:
    """A kind of failure: how often, at which stages, and the first message."""

    count: int
    stages: Counter[str]
    candidate: str
    message: str


class History:
    """Everything that the events tell.

    Args:
        journal: open for reading; it may be written meanwhile.
        most: events that are read at first; None for all.
    """

    def __init__(self, journal: Journal, most: int | None = None) -> None:
        self.tally = Tally()
        self.judged: list[Judged] = []
        self.records: list[Record] = []
        self.trials: list[Trial] = []
        self.breakages: dict[str, Breakage] = {}
        self.filling = Filling()
        self.environment: dict[str, Any] = {}
        self.started = RunStarted({}, {})
        self.ended, self.finished = "", False
        self.sittings = 1
        self.seconds = 0.0
        self.seen = 0
        self.by_id: dict[str, Judged] = {}
        self._asked: dict[int, Asked] = {}
        self._proposed: dict[int, Proposed] = {}
        self.read_on(journal, most)

    def read_on(self, journal: Journal, most: int | None = None) -> int:
        """Take in what has happened since the last look, at most so many events; returns how many there were."""
        before = self.seen
        for event in islice(journal.events(before), most):
            self._add(event)
            self.seen += 1
        self.seconds = journal.elapsed if self.seen > before else self.seconds
        return self.seen - before

    @property
    def seed(self) -> Judged | None:
        """The candidate that the run started from; None before it was judged."""
        return self.judged[0] if self.judged and self.judged[0].proposer == "seed" else None

    @property
    def best(self) -> Promoted | None:
        """The promotion that stands."""
        return self.tally.promoted

    def _add(self, event: object) -> None:
        match event:
            case RunStarted():
                self.started, self.environment = event, dict(event.environment)
                self.filling.begin(event.config)
            case RunResumed():
                self.sittings += 1
                self.ended, self.finished = "", False
            case RunEnded() | RunPaused():
                self.ended, self.finished = event.reason, isinstance(event, RunEnded)
            case Asked():
                self._asked[event.number] = event
            case Declined():
                self._asked.pop(event.number, None)
            case Proposed():
                self._proposed[event.number] = event
            case Promoted() | NotPromoted():
                self.trials.append(Trial(self.tally.evaluations, event))
        before = self.tally.record
        self.tally.add(event)  # type: ignore[arg-type]
        if isinstance(event, Evaluated):
            self._judged(event)
        if self.tally.record is not None and self.tally.record is not before:
            self.records.append(self.tally.record)
        self.filling.add(event, self.tally.evaluations)

    def _judged(self, event: Evaluated) -> None:
        asked, proposed = self._asked.pop(event.number, None), self._proposed.pop(event.number, None)
        parent = asked.parents[0] if asked and asked.parents else None
        judged = Judged(
            place=self.tally.evaluations,
            candidate=event.candidate,
            outcome=event.outcome,
            fitness=event.fitness,
            spread=event.spread,
            proposer=proposed.proposer if proposed else "unknown",
            operator=proposed.operator if proposed else "",
            note=proposed.note if proposed else "",
            parent=parent.candidate if parent else "",
            parent_fitness=parent.fitness if parent else None,
            parent_spread=parent.spread if parent else 0.0,
        )
        self.judged.append(judged)
        self.by_id[event.candidate] = judged
        if event.fitness is None:
            broken = self.breakages.get(event.outcome)
            if broken is None:
                broken = self.breakages[event.outcome] = Breakage(0, Counter(), event.candidate, event.message)
            broken.count += 1
            broken.stages[event.stage] += 1
