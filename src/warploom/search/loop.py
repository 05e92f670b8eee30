"""The only loop: ask, propose, judge, tell.

Up to ``in_flight`` requests are at work at a time, in a task each. Outcomes are told in the order of asking, whatever
order they come in, and a new request goes out only after a telling, so that the same seed with the same recorded
answers and timings gives the same events. What is known before its turn is durable all the same.

The first SIGINT or SIGTERM lets the requests at work finish and asks nothing more; the second drops them. Nothing
that was judged is lost either way.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel

from warploom.archive.journal import Journal
from warploom.archive.rebuild import asked_event
from warploom.errors import NothingToPropose
from warploom.search.budget import Stopper, progress, time_is_up, why_over
from warploom.search.executor import Executor
from warploom.search.promotion import FINALISTS, Promotions
from warploom.search.state import State, Turn
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.event import (
    Declined,
    Evaluated,
    Event,
    Migrated,
    Proposed,
    RunEnded,
    RunPaused,
)
from warploom.values.job import Job
from warploom.values.mint import counted
from warploom.values.outcome import Evaluation, Failed
from warploom.values.request import Request

Observer = Callable[[Event, State], None]
"""Called after each event was committed and applied."""

SNAPSHOT_EVERY = 500
MOST_DECLINED = 200
"""Requests in a row without a new candidate after which a run ends: there is nothing left to propose."""

DRAIN_SECONDS = 30.0


@dataclass
class Slot:
    """What came of a turn, once it is known."""

    done: anyio.Event = field(default_factory=anyio.Event)
    declined: Declined | None = None
    evaluation: Evaluation | None = None
    kept: bool = False


class Loop:
    """One sitting of a run.

    Args:
        journal: open for writing.
        state: as of the journal's newest event.
        seed: the starting candidate.
        executor: does the jobs.
        limits: when to stop.
        observe: told of every event.
        environment: what the judge says of itself and the machine in this sitting, for the evidence.
        snapshot_every: evaluations between two snapshots.
    """

    def __init__(
        self,
        journal: Journal,
        state: State,
        seed: Candidate,
        executor: Executor,
        limits: tuple[Stopper, ...],
        observe: Observer,
        environment: Mapping[str, Any],
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._journal = journal
        self._state = state
        self._seed = seed
        self._executor = executor
        self._limits = limits
        self._observe = observe
        self._promotions = Promotions(journal, state, executor, self._commit, environment)
        self._snapshot_every = snapshot_every
        self._slots: dict[int, Slot] = {}
        self._before = journal.elapsed
        self._began = time.monotonic()
        self.interrupted = ""

    @property
    def elapsed(self) -> float:
        """Seconds at work, over all sittings."""
        return self._before + time.monotonic() - self._began

    async def run(self) -> str:
        """Go on until a limit is reached or a signal comes; returns why it ended."""
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as scope:
                if threading.current_thread() is threading.main_thread():
                    tasks.start_soon(self._watch_signals, scope)
                reason = await self._turns(tasks)
                if not self.interrupted:
                    out_of_time = time_is_up(self._limits, self._state.standing(self.elapsed))
                    await self._promotions.finals(1 if out_of_time else FINALISTS)
            tasks.cancel_scope.cancel()
        if self.interrupted:
            self._commit(RunPaused(self.interrupted))
            return self.interrupted
        self._commit(RunEnded(reason))
        return reason

    async def _watch_signals(self, scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                if self.interrupted:
                    scope.cancel()
                else:
                    self.interrupted = f"interrupted by {signal.Signals(number).name}"
                    scope.deadline = anyio.current_time() + DRAIN_SECONDS

    # ------------------------------------------------------------ turns

    async def _turns(self, tasks: anyio.abc.TaskGroup) -> str:
        for turn in self._state.pending.values():
            await self._begin(tasks, turn)
        while True:
            await self._settle()
            reason = self._over()
            while not reason and not self.interrupted and self._may_ask():
                await self._ask(tasks)
                reason = self._over()
            if not self._state.pending:
                return reason or self.interrupted
            turn = next(iter(self._state.pending.values()))
            slot = self._slots[turn.request.number]
            await slot.done.wait()
            del self._slots[turn.request.number]
            self._tell(turn, slot)

    def _over(self) -> str:
        state = self._state
        if state.next_number > 0 and not state.pending and state.archive.seed is None:
            return "the starting source failed"
        if state.declined_in_a_row >= MOST_DECLINED:
            return f"nothing new to propose in {MOST_DECLINED} requests"
        return why_over(self._limits, state.standing(self.elapsed)) or ""

    def _may_ask(self) -> bool:
        state = self._state
        if state.next_number > 0 and state.archive.seed is None:
            return False
        room = state.config.evaluations - state.evaluations - len(state.pending)
        return len(state.pending) < state.config.in_flight and room > 0

    async def _ask(self, tasks: anyio.abc.TaskGroup) -> None:
        state = self._state
        number = state.next_number
        if number == 0:
            request = Request(0, "seed", (), (), None, 0, 0)
        else:
            rng = random.Random(f"{state.config.seed}/{number}")
            request = state.strategy.ask(
                state.archive, rng, number, progress(self._limits, state.standing(self.elapsed))
            )
        event = asked_event(request)
        self._journal.append(event, elapsed=self.elapsed)
        state.asked(request)
        self._observe(event, state)
        await self._begin(tasks, state.pending[number])

    async def _begin(self, tasks: anyio.abc.TaskGroup, turn: Turn) -> None:
        self._slots[turn.request.number] = Slot()
        tasks.start_soon(self._work, turn)
        # Let the task run up to its first real wait: a proposer that does not wait has then answered from the state
        # as it was when it was asked, whatever is told next.
        await anyio.lowlevel.checkpoint()

    async def _work(self, turn: Turn) -> None:
        number = turn.request.number
        slot = self._slots[number]
        if turn.proposal is None:
            slot.declined = await self._propose(turn)
        if turn.proposal is not None and slot.declined is None:
            candidate = turn.proposal.candidate
            best = self._state.archive.best()
            job = Job(candidate, candidate.problem, "screen", best.fitness if best else None)
            evaluation = self._journal.evaluation(candidate.id)
            slot.kept = evaluation is not None
            if evaluation is None:
                evaluation = counted(job, await self._executor.submit(job))
                if next(iter(self._state.pending)) != number:
                    self._journal.keep(candidate.id, evaluation)
                    slot.kept = True
            slot.evaluation = counted(job, evaluation)
        slot.done.set()

    async def _propose(self, turn: Turn) -> Declined | None:
        number = turn.request.number
        if number == 0:
            proposal = Proposal(self._seed, Lineage())
        else:
            try:
                proposal = await self._state.proposer.propose(turn.request)
            except NothingToPropose as nothing:
                return Declined(number, str(nothing))
        candidate, lineage = proposal.candidate, proposal.lineage
        if self._journal.known(candidate.id):
            return Declined(number, "duplicate", candidate.id)
        event = Proposed(number, candidate.id, lineage.proposer, lineage.operator, lineage.note)
        self._commit(event, proposal=proposal)
        return None

    def _tell(self, turn: Turn, slot: Slot) -> None:
        if slot.declined is not None:
            self._commit(slot.declined)
            return
        assert turn.proposal is not None
        assert slot.evaluation is not None
        evaluation = slot.evaluation
        individual = self._state.individual(turn.request, turn.proposal, evaluation)
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
            status=self._state.archive.status(individual) if individual else "failed",
        )
        self._commit(event, evaluation=evaluation, store=not slot.kept)
        if self._state.evaluations % self._snapshot_every == 0:
            self._journal.save_snapshot(self._state.snapshot())

    def _commit(
        self,
        event: Event,
        *,
        proposal: Proposal | None = None,
        evaluation: Evaluation | None = None,
        store: bool = True,
    ) -> None:
        """Make an event durable, then act on it, then show it."""
        kept = evaluation if store else None
        self._journal.append(event, proposal=proposal, evaluation=kept, elapsed=self.elapsed)
        self._state.apply(event, proposal, evaluation)
        self._observe(event, self._state)

    # ------------------------------------------------------------ migration and promotion

    async def _settle(self) -> None:
        """What is due between two tellings."""
        state = self._state
        while state.migration_is_due:
            self._commit(Migrated(tuple(state.archive.moves())))
        if not self.interrupted and self._promotions.is_due():
            await self._promotions.settle()
