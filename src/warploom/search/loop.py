"""The only loop: ask, propose, judge, tell.

Up to ``in_flight`` requests are at work at a time, in a task each. Outcomes are told in the order of asking, whatever
order they come in, and a new request goes out only after a telling, so that the same seed with the same recorded
answers and timings gives the same events. What is known before its turn is durable all the same.

The first SIGINT or SIGTERM lets the requests at work finish and asks nothing more; the second drops them. Nothing
that was judged is lost either way. A cap on what models may cost is a normal end: what was paid for is judged and told
before. A model that no request can reach ends the sitting with an error, after the others at work are durable.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel

from warploom.archive.journal import Journal
from warploom.errors import BudgetSpent, ModelError, NothingToPropose
from warploom.search.best.promotion import FINALISTS
from warploom.search.budget import Stopper, time_is_up, why_over
from warploom.search.executor import Executor
from warploom.search.proceedings import SNAPSHOT_EVERY, Observer, Proceedings
from warploom.search.proposers import requests_at_once
from warploom.search.state import State
from warploom.search.turn import Turn
from warploom.values.candidate import Candidate
from warploom.values.event import Declined, RunEnded, RunPaused
from warploom.values.outcome import Evaluation

MOST_DECLINED = 200
"""Requests in a row without a new candidate after which a run ends: there is nothing left to propose."""

DRAIN_SECONDS = 30.0

PAUSE_SECONDS = 0.2
"""Between two looks at the inbox while the run is paused."""


@dataclass
class Slot:
    """What came of a turn, once it is known."""

    done: anyio.Event = field(default_factory=anyio.Event)
    fault: ModelError | None = None
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
        self._state = state
        self._seed = seed
        self._limits = limits
        self._steps = Proceedings(journal, state, executor, limits, observe, environment, snapshot_every)
        self._at_once = requests_at_once(state.config)
        self._slots: dict[int, Slot] = {}
        self._spent = ""
        self._fault: ModelError | None = None
        self.interrupted = ""

    async def run(self) -> str:
        """Go on until a limit is reached or a signal comes; returns why it ended."""
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as scope:
                if threading.current_thread() is threading.main_thread():
                    tasks.start_soon(self._watch_signals, scope)
                reason = await self._turns(tasks)
                if not self.interrupted:
                    out_of_time = time_is_up(self._limits, self._state.standing(self._steps.elapsed))
                    await self._steps.promotions.finals(1 if out_of_time else FINALISTS)
                    await self._steps.promotions.once_more()
            tasks.cancel_scope.cancel()
        if self.interrupted:
            self._steps.commit(RunPaused(self.interrupted))
            return self.interrupted
        self._steps.commit(RunEnded(reason))
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
            self._steps.steering.take()
            reason = self._over()
            while not reason and not self.interrupted and not self._fault and self._may_ask():
                await self._begin(tasks, self._steps.ask())
                reason = self._over()
            if not self._state.pending:
                if self._steps.steering.paused and not reason and not self.interrupted:
                    await self._rest()
                    continue
                return reason or self.interrupted
            turn = next(iter(self._state.pending.values()))
            slot = self._slots[turn.request.number]
            await slot.done.wait()
            if slot.fault is not None:
                for other in self._slots.values():
                    await other.done.wait()
                raise slot.fault
            del self._slots[turn.request.number]
            self._tell(turn, slot)

    def _over(self) -> str:
        state = self._state
        if self._steps.steering.stopped:
            return self._steps.steering.stopped
        if self._spent:
            return self._spent
        if state.next_number > 0 and not state.pending and state.archive.seed is None:
            return "the starting source failed"
        if state.declined_in_a_row >= MOST_DECLINED:
            return f"nothing new to propose in {MOST_DECLINED} requests"
        return why_over(self._limits, state.standing(self._steps.elapsed)) or ""

    def _may_ask(self) -> bool:
        state = self._state
        if self._steps.steering.paused or (state.next_number > 0 and state.archive.seed is None):
            return False
        room = state.config.evaluations - state.evaluations - len(state.pending)
        return len(state.pending) < self._at_once and room > 0

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
            try:
                slot.declined = await self._propose(turn)
            except ModelError as fault:
                self._fault = slot.fault = fault
        if turn.proposal is not None and slot.declined is None:
            slot.evaluation, slot.kept = await self._steps.judge(
                turn, early=lambda: next(iter(self._state.pending)) != number
            )
        slot.done.set()

    async def _propose(self, turn: Turn) -> Declined | None:
        if turn.request.number == 0:
            return self._steps.plant(turn, self._seed)
        try:
            proposal = await self._state.proposer.propose(turn.request)
        except NothingToPropose as nothing:
            if isinstance(nothing, BudgetSpent):
                self._spent = self._spent or str(nothing)
            return Declined(turn.request.number, str(nothing))
        return self._steps.answer(turn, proposal)

    def _tell(self, turn: Turn, slot: Slot) -> None:
        if slot.declined is not None:
            self._steps.commit(slot.declined)
            return
        assert slot.evaluation is not None
        self._steps.tell(turn, slot.evaluation, kept=slot.kept)

    async def _settle(self) -> None:
        """What is due between two tellings: migration and promotion."""
        self._steps.migrate()
        held = self.interrupted or self._steps.steering.paused
        if not held and self._steps.promotions.is_due():
            await self._steps.promotions.settle()

    async def _rest(self) -> None:
        """Wait a little while the run is paused."""
        began = anyio.current_time()
        await anyio.sleep(PAUSE_SECONDS)
        self._steps.rested(anyio.current_time() - began)
