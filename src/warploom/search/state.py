"""The state of a run: what follows from its events, and from nothing else.

The loop commits an event to the journal and hands it to :meth:`State.apply`; a resume hands it the events of the
journal. Both therefore end in the same state.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from warploom.archive.encode import from_plain, to_plain
from warploom.archive.islands import archive_for, resolution_for
from warploom.archive.journal import Journal
from warploom.archive.rebuild import Individuals, apply, request_of
from warploom.propose.protocol import Proposer
from warploom.search.budget import Standing
from warploom.search.noise import noise_floor
from warploom.search.steering.wishes import Wishes
from warploom.search.strategy import Strategy
from warploom.search.turn import Turn
from warploom.search.worth import levels, worth
from warploom.values.candidate import Proposal
from warploom.values.config import RunConfig
from warploom.values.event import (
    Asked,
    Declined,
    Evaluated,
    Event,
    Migrated,
    NotPromoted,
    Promoted,
    Proposed,
)
from warploom.values.exchange import Exchange, Spending
from warploom.values.measure import measure_of
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.request import Feedback, Individual, Request


@dataclass(frozen=True)
class Contender:
    """A screened candidate that looks better than the promoted best, beyond the noise."""

    candidate: str
    fitness: float


class State:
    """Archive, strategy, proposer and budget as of the newest event.

    Args:
        config: how the run goes.
        strategy: told of every outcome.
        proposer: told of every outcome.
        said: what was said to models for a request, by its number.
    """

    def __init__(
        self,
        config: RunConfig,
        strategy: Strategy,
        proposer: Proposer,
        said: Callable[[int], Iterable[Exchange]] = lambda number: (),
    ) -> None:
        self.config = config
        self.measure = measure_of(config.to_mapping())
        self.strategy = strategy
        self.proposer = proposer
        self._said = said
        self.wishes = Wishes()
        self.spending = Spending()
        """On models, for the requests that were told: it does not depend on what is under way."""
        self.archive = archive_for(config)
        self.resolution = resolution_for(config)
        self.pending: dict[int, Turn] = {}
        self.outside: dict[int, Turn] = {}
        self.next_number = 0
        self.evaluations = 0
        self.failures: Counter[str] = Counter()
        self.declined = self.declined_in_a_row = 0
        self.since_better = 0
        self.migrations = 0
        self.best_screened: float | None = None
        self.promoted: Promoted | None = None
        self.before: Promoted | None = None
        """The best before the promoted one."""
        self.contender: Contender | None = None
        self.measured_again: dict[str, bool] = {}
        self.quiet = 0

    # ------------------------------------------------------------ events

    def apply(self, event: Event, proposal: Proposal | None = None, evaluation: Evaluation | None = None) -> None:
        """What an event changes.

        Args:
            event: committed already.
            proposal: the one that a ``Proposed`` is about.
            evaluation: the one that an ``Evaluated`` is about.
        """
        if isinstance(event, Declined | Evaluated):
            self.spending = reduce(Spending.plus, self._said(event.number), self.spending)
        self.wishes.apply(event)
        match event:
            case Proposed(number):
                self._holder(number)[number].proposal = proposal
            case Declined(number):
                turn = self._holder(number).pop(number)
                self.declined += 1
                self.declined_in_a_row += 1
                self.strategy.declined(turn.request)
                self.proposer.declined(turn.request)
            case Evaluated(number):
                assert evaluation is not None
                self._evaluated(event, self._holder(number).pop(number), evaluation)
            case Migrated():
                self.migrations += 1
                apply(self.archive, event, None)
            case Promoted(candidate):
                apply(self.archive, event, None)
                if self.promoted is None or self.promoted.candidate != candidate:
                    self.before = self.promoted
                self.promoted = event
                self._settled(candidate, held=True)
            case NotPromoted(candidate):
                apply(self.archive, event, None)
                if self.promoted is not None and self.promoted.candidate == candidate:
                    self.promoted = None
                self._settled(candidate, held=False)

    def asked(self, request: Request, *, outside: bool = False) -> Turn:
        """A request went out: to the loop's proposer, or to an outside agent."""
        turn = Turn(request)
        (self.outside if outside else self.pending)[request.number] = turn
        self.next_number = request.number + 1
        return turn

    def _holder(self, number: int) -> dict[int, Turn]:
        return self.outside if number in self.outside else self.pending

    def _evaluated(self, event: Evaluated, turn: Turn, evaluation: Evaluation) -> None:
        proposal = turn.proposal
        assert proposal is not None
        feedback = Feedback(
            request=turn.request,
            proposal=proposal,
            evaluation=evaluation,
            fitness=event.fitness,
            parent_fitness=turn.request.parents[0].fitness if turn.request.parents else None,
            best_before=self.best_screened,
            status=event.status,
            cost_seconds=sum(evaluation.elapsed_ns.values()) / 1e9,
        )
        self.evaluations += 1
        self.declined_in_a_row = 0
        self.since_better += 1
        self.quiet += 1
        if event.fitness is None:
            self.failures[event.outcome] += 1
        elif event.cell is not None and isinstance(evaluation, Passed):
            place = (event.fitness, event.cell, event.island, event.spread, evaluation.build.facts, event.ends)
            apply(self.archive, event, Individual(proposal.candidate, proposal.lineage, *place))
            floor = noise_floor(evaluation)
            if self.best_screened is None or event.fitness > self.best_screened + floor:
                self.since_better = 0
            self.best_screened = max(event.fitness, self.best_screened if self.best_screened is not None else -math.inf)
            self._consider(event.candidate, event.fitness, event.spread, floor)
        self.strategy.tell(feedback)
        self.proposer.tell(feedback)

    def _consider(self, candidate: str, fitness: float, spread: float, floor: float) -> None:
        least = self.measure.least
        beaten = max(least, self.promoted.fitness if self.promoted else least)
        if fitness - spread <= beaten + floor:
            return
        if self.contender is None or fitness > self.contender.fitness:
            self.contender = Contender(candidate, fitness)

    def _settled(self, candidate: str, *, held: bool) -> None:
        self.measured_again[candidate] = held
        self.quiet = 0
        best = self.archive.best()
        self.best_screened = best.fitness if best else None
        if self.contender is not None and self.contender.candidate == candidate:
            self.contender = None

    # ------------------------------------------------------------ derived

    def individual(self, request: Request, proposal: Proposal, evaluation: Evaluation) -> Individual | None:
        """The individual that an evaluation makes of a proposal; None when it failed or has not this run's measure."""
        found = None if isinstance(evaluation, Failed) else worth(evaluation, self.measure)
        if isinstance(evaluation, Failed) or found is None:
            return None
        fitness, spread, ends = found
        return Individual(
            candidate=proposal.candidate,
            lineage=proposal.lineage,
            fitness=fitness,
            cell=self.resolution.cell(levels(proposal.candidate, evaluation, self.measure)),
            island=request.island,
            spread=spread,
            facts=evaluation.build.facts,
            ends=ends,
        )

    def standing(self, elapsed: float) -> Standing:
        """How far the run has come."""
        return Standing(
            evaluations=self.evaluations,
            elapsed=elapsed,
            since_better=self.since_better,
            spending=self.spending,
            promoted=self.promoted.fitness if self.promoted else None,
            roofline=self.promoted.roofline if self.promoted else None,
        )

    @property
    def migration_is_due(self) -> bool:
        """Whether the islands should exchange their best now."""
        return len(self.archive.islands) > 1 and self.evaluations // self.archive.interval > self.migrations

    # ------------------------------------------------------------ snapshot

    def snapshot(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "archive": self.archive.snapshot(),
            "strategy": self.strategy.snapshot(),
            "proposer": self.proposer.snapshot(),
            "pending": [turn.snapshot(outside=False) for turn in self.pending.values()]
            + [turn.snapshot(outside=True) for turn in self.outside.values()],
            "promoted": to_plain(self.promoted),
            "before": to_plain(self.before),
            "contender": to_plain(self.contender),
            "failures": dict(self.failures),
            "spending": to_plain(self.spending),
            "measured_again": self.measured_again,
            "wishes": self.wishes.snapshot(),
            **{name: getattr(self, name) for name in _COUNTERS},
        }

    def restore(self, state: dict[str, Any], journal: Journal) -> None:
        """The inverse of :meth:`snapshot`."""
        whole = Individuals(journal)
        self.archive.restore(state["archive"], whole)
        self.strategy.restore(state["strategy"])
        self.proposer.restore(state["proposer"])
        for asked, candidate in state["pending"]:
            event = from_plain(Asked, asked)
            turn = self.asked(request_of(event, whole), outside=event.outside)
            turn.proposal = journal.proposal(candidate) if candidate else None
        self.promoted = from_plain(Promoted | None, state["promoted"])
        self.before = from_plain(Promoted | None, state.get("before"))
        self.contender = from_plain(Contender | None, state["contender"])
        self.failures = Counter(state["failures"])
        self.spending = from_plain(Spending, state.get("spending", {}))
        self.measured_again = dict(state["measured_again"])
        self.wishes.restore(state.get("wishes", {}))
        for name in _COUNTERS:
            setattr(self, name, state[name])

    def replay(self, journal: Journal) -> None:
        """Bring this fresh state up to the newest event of the journal."""
        whole = Individuals(journal)
        after = 0
        snapshot = journal.snapshot()
        if snapshot is not None:
            after, state = snapshot
            self.restore(state, journal)
        for event in journal.events(after):
            match event:
                case Asked():
                    self.asked(request_of(event, whole), outside=event.outside)
                case Proposed(_, candidate):
                    self.apply(event, proposal=journal.proposal(candidate))
                case Evaluated(_, candidate):
                    self.apply(event, evaluation=journal.evaluation(candidate))
                case _:
                    self.apply(event)


_COUNTERS = (
    "next_number",
    "evaluations",
    "declined",
    "declined_in_a_row",
    "since_better",
    "migrations",
    "best_screened",
    "quiet",
)
