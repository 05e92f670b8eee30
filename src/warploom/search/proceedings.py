"""What one step of a run does: ask, answer, judge, tell. Every event is durable before anything acts on it.

The loop goes these steps for many requests at once; an outside agent is taken through them one at a time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from warploom.archive.journal import Journal
from warploom.archive.rebuild import asked_event
from warploom.search.best.promotion import Promotions
from warploom.search.budget import Stopper, progress
from warploom.search.executor import Executor
from warploom.search.state import State
from warploom.search.steering.steering import Steering
from warploom.search.strategies.opening import OPENING
from warploom.search.turn import Turn
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.event import Declined, Evaluated, Event, Migrated, Proposed
from warploom.values.job import Job, Occasion
from warploom.values.mint import counted
from warploom.values.outcome import Evaluation, Failed
from warploom.values.request import Request

Observer = Callable[[Event, State], None]
"""Called after each event was committed and applied."""

SNAPSHOT_EVERY = 500


class Proceedings:
    """The steps of one sitting.

    Args:
        journal: open for writing.
        state: as of the journal's newest event.
        executor: does the jobs.
        limits: when to stop; a request says how much of them is spent.
        observe: told of every event.
        environment: what the judge says of itself and the machine in this sitting, for the evidence.
        snapshot_every: evaluations between two snapshots.
    """

    def __init__(
        self,
        journal: Journal,
        state: State,
        executor: Executor,
        limits: tuple[Stopper, ...],
        observe: Observer,
        environment: Mapping[str, Any],
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self.journal = journal
        self.state = state
        self._executor = executor
        self._limits = limits
        self._observe = observe
        self.promotions = Promotions(journal, state, executor, self.commit, environment)
        self.steering = Steering(journal, state, self.commit)
        self._snapshot_every = snapshot_every
        self._before = journal.elapsed
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds at work, over all sittings."""
        return self._before + time.monotonic() - self._began

    def rested(self, seconds: float) -> None:
        """So long the run was paused: it counts as no time at work."""
        self._began += seconds

    def commit(
        self,
        event: Event,
        *,
        proposal: Proposal | None = None,
        evaluation: Evaluation | None = None,
        occasion: Occasion = "screen",
        store: bool = True,
    ) -> None:
        """Make an event durable, then act on it, then show it."""
        kept = evaluation if store else None
        self.journal.append(event, proposal=proposal, evaluation=kept, occasion=occasion, elapsed=self.elapsed)
        self.state.apply(event, proposal, evaluation)
        self._observe(event, self.state)

    def ask(self, *, outside: bool = False) -> Turn:
        """The next request: for the seed, when it is the first.

        Args:
            outside: an outside agent will answer it; the loop leaves it alone.
        """
        state = self.state
        number = state.next_number
        if number == 0:
            request = Request(0, "seed", (), (), None, 0, 0)
        else:
            self.steering.again(number)
            rng = random.Random(f"{state.config.seed}/{number}")
            share = progress(self._limits, state.standing(self.elapsed))
            if outside:  # the opening is for moves
                share = max(share, OPENING)
            request = self.steering.applied(state.strategy.ask(state.archive, rng, number, share))
        event = asked_event(request, outside=outside)
        self.journal.append(event, elapsed=self.elapsed)
        turn = state.asked(request, outside=outside)
        self._observe(event, state)
        return turn

    def plant(self, turn: Turn, seed: Candidate) -> Declined | None:
        """Answer the first request with the starting candidate."""
        return self.answer(turn, Proposal(seed, Lineage()))

    def answer(self, turn: Turn, proposal: Proposal) -> Declined | None:
        """Take a proposal for a request; a candidate that the run knows already is declined."""
        number, candidate, lineage = turn.request.number, proposal.candidate, proposal.lineage
        if self.journal.known(candidate.id):
            return Declined(number, "duplicate", candidate.id)
        self.commit(Proposed(number, candidate.id, lineage.proposer, lineage.operator, lineage.note), proposal=proposal)
        return None

    async def judge(self, turn: Turn, *, early: Callable[[], bool] = lambda: False) -> tuple[Evaluation, bool]:
        """The outcome of an answered turn, and whether it is durable already.

        Args:
            turn: one with a proposal.
            early: whether its turn to be told has not come yet; the outcome is then kept until it has.
        """
        assert turn.proposal is not None
        candidate = turn.proposal.candidate
        best = self.state.archive.best()
        job = Job(candidate, candidate.problem, "screen", best.fitness if best else None)
        evaluation = self.journal.evaluation(candidate.id)
        kept = evaluation is not None
        if evaluation is None:
            evaluation = counted(job, await self._executor.submit(job))
            if early():
                self.journal.keep(candidate.id, evaluation)
                kept = True
        return counted(job, evaluation), kept

    def tell(self, turn: Turn, evaluation: Evaluation, *, kept: bool) -> Evaluated:
        """What came of a turn: archive, strategy and proposer learn it."""
        assert turn.proposal is not None
        individual = self.state.individual(turn.request, turn.proposal, evaluation)
        outcome, stage, message = "passed", "", ""
        if isinstance(evaluation, Failed):
            outcome, stage, message = evaluation.kind, evaluation.stage, evaluation.message
        elif individual is None:
            outcome, stage, message = "reference", "judge", "it was not timed against eager"
        event = Evaluated(
            number=turn.request.number,
            candidate=turn.proposal.candidate.id,
            outcome=outcome,
            stage=stage,
            message=message,
            fitness=individual.fitness if individual else None,
            spread=individual.spread if individual else 0.0,
            cell=individual.cell if individual else None,
            island=turn.request.island,
            status=self.state.archive.status(individual) if individual else "failed",
            ends=individual.ends if individual else None,
        )
        self.commit(event, evaluation=evaluation, store=not kept)
        if self.state.evaluations % self._snapshot_every == 0:
            self.journal.save_snapshot(self.state.snapshot())
        return event

    def migrate(self) -> None:
        """Let the islands exchange their best, when it is due."""
        while self.state.migration_is_due:
            self.commit(Migrated(tuple(self.state.archive.moves())))
