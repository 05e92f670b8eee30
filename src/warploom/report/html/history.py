"""What happened in a run, read from its journal in one pass over small rows: no source and no sample is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgspec import Struct

from warploom.archive.brief import Stretch
from warploom.archive.journal import Journal
from warploom.report.html.filling import Filling
from warploom.report.tally import Record, Tally
from warploom.values.ends import Ends
from warploom.values.event import (
    Asked,
    Declined,
    Evaluated,
    Event,
    NotPromoted,
    Promoted,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
)


class Judged(Struct, frozen=True, gc=False):
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
        ends: the interval; None when it failed, and where only the half-width is known.
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
    ends: Ends | None = None

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


def standing_trial(trials: Iterable[Trial]) -> Trial | None:
    """The promotion that stands: the newest one, unless the candidate was measured once more and did not hold it."""
    found: Trial | None = None
    for trial in trials:
        if isinstance(trial.event, Promoted):
            found = trial
        elif found is not None and trial.event.candidate == found.event.candidate:
            found = None
    return found


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
        most: events that are read at first; -1 for all.

    Attributes:
        outside: whether an outside agent was ever asked.
    """

    def __init__(self, journal: Journal, most: int = -1) -> None:
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
        self.outside = False
        self._by_id: dict[str, Judged] = {}
        self._asked: dict[int, Asked] = {}
        self._words: dict[str, str] = {}
        """Each is kept once: of a long run the same few are read again and again."""
        self.read_on(journal, most)

    def read_on(self, journal: Journal, most: int = -1) -> int:
        """Take in what has happened since the last look, at most so many events; returns how many there were."""
        before = self.seen
        for part in journal.briefly(before, most):
            if isinstance(part, Stretch):
                self._came(part)
                self.seen += part.length
            else:
                self._turned(part)
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

    @property
    def by_id(self) -> Mapping[str, Judged]:
        """The judged candidates by their ids."""
        for one in islice(self.judged, len(self._by_id), None):
            self._by_id[one.candidate] = one
        return self._by_id

    def _came(self, stretch: Stretch) -> None:
        """Everything that comes with each candidate."""
        self._asked.update({event.number: event for event in stretch.asked})
        self.outside = self.outside or any(event.outside for event in stretch.asked)
        self.tally.were_proposed(stretch.proposed)
        for event in stretch.evaluated:
            self._was_judged(event)

    def _rose(self, record: Record) -> None:
        """A candidate was better than all before, as screened."""
        self.records.append(record)

    def _turned(self, event: Event) -> None:
        """Everything that does not come with each candidate."""
        match event:
            case RunStarted():
                self.started, self.environment = event, dict(event.environment)
                self.filling.begin(event.config)
            case RunResumed():
                self.sittings += 1
                self.ended, self.finished = "", False
            case RunEnded() | RunPaused():
                self.ended, self.finished = event.reason, isinstance(event, RunEnded)
            case Declined():
                self._asked.pop(event.number, None)
            case Promoted() | NotPromoted():
                self.trials.append(Trial(self.tally.evaluations, event))
        self.tally.add(event)
        self.filling.add(event, self.tally.evaluations)

    def _was_judged(self, event: Evaluated) -> None:
        tally = self.tally
        before = tally.record
        proposed = tally.was_judged(event)
        if tally.record is not None and tally.record is not before:
            self._rose(tally.record)
        self.filling.was_judged(event, tally.evaluations)
        asked = self._asked.pop(event.number, None)
        parent = asked.parents[0] if asked and asked.parents else None
        once = self._words.setdefault
        judged = Judged(
            tally.evaluations,
            event.candidate,
            once(event.outcome, event.outcome),
            event.fitness,
            event.spread,
            once(proposed.proposer, proposed.proposer) if proposed else "unknown",
            once(proposed.operator, proposed.operator) if proposed else "",
            proposed.note if proposed else "",
            once(parent.candidate, parent.candidate) if parent else "",
            parent.fitness if parent else None,
            parent.spread if parent else 0.0,
            event.ends,
        )
        self.judged.append(judged)
        if event.fitness is None:
            broken = self.breakages.get(event.outcome)
            if broken is None:
                broken = self.breakages[event.outcome] = Breakage(0, Counter(), event.candidate, event.message)
            broken.count += 1
            broken.stages[event.stage] += 1
