"""One sitting of a run: a journal, a state, and whatever parts it is wired to (see :mod:`warploom.search.run`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio

from warploom import __version__
from warploom.archive import journal as journals
from warploom.archive.journal import Journal
from warploom.errors import SourceError
from warploom.propose.protocol import Proposer
from warploom.search.best.missing import seed_failed
from warploom.search.budget import stoppers
from warploom.search.executor import Executor
from warploom.search.loop import Loop
from warploom.search.proceedings import SNAPSHOT_EVERY, Observer
from warploom.search.proposers import Resting, waits
from warploom.search.state import State
from warploom.search.strategy import make_strategy
from warploom.search.task import Task, describe
from warploom.values.candidate import Candidate
from warploom.values.config import RunConfig
from warploom.values.event import Event, Proposed, RunResumed, RunStarted
from warploom.values.exchange import Exchange, Spending


@dataclass(frozen=True)
class Summary:
    """How a run stands when it ends or pauses.

    Attributes:
        run: its directory.
        best: id of the promoted best; "" before there is one.
        evaluations: judged candidates, failed ones and the seed included.
        failures: number of failures by kind.
        speedup: baseline → (median, low, high) of the promoted best.
        ended: why it ended.
        finished: False when it was interrupted and can be resumed.
    """

    run: Path
    best: str
    evaluations: int
    failures: Mapping[str, int]
    speedup: Mapping[str, tuple[float, float, float]]
    ended: str
    finished: bool = True


@dataclass
class Parts:
    """What a run is wired to; everything can be replaced for tests and replays.

    Attributes:
        executor: does the jobs.
        proposer: makes what answers the requests, given the run's open journal.
        environment: what the judge says of itself and the machine.
        close: ends what was started for this run.
        resting: called when a sitting ends, while its event loop still runs: closes connections.
    """

    executor: Executor
    proposer: Callable[[Journal], Proposer]
    environment: Mapping[str, Any] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
    resting: Resting = field(default_factory=list)


class Run:
    """One sitting of a run; see :func:`begin` and :func:`go_on`.

    Args:
        journal: open for writing.
        state: as of its newest event.
        seed: the starting candidate.
        parts: what it is wired to.
        snapshot_every: evaluations between two snapshots.
    """

    def __init__(
        self, journal: Journal, state: State, seed: Candidate, parts: Parts, snapshot_every: int = SNAPSHOT_EVERY
    ) -> None:
        self._journal = journal
        self._state = state
        self._seed = seed
        self._parts = parts
        self._snapshot_every = snapshot_every

    @property
    def state(self) -> State:
        """The state as of the newest event."""
        return self._state

    @property
    def spending(self) -> Spending:
        """What models have cost the run, requests under way not counted."""
        return self._journal.conversations.spending

    @property
    def folder(self) -> Path:
        """The run directory."""
        return self._journal.folder

    def go(self, observe: Observer | None = None) -> Summary:
        """Search until a limit is reached or a signal comes. A run that has ended already only says so.

        Args:
            observe: called with every event and the state after it.

        Raises:
            SourceError: the starting source failed; the message says how.
        """
        if self._journal.ended:
            return self._summary(self._journal.ended, finished=True)
        watch = observe or _unobserved
        loop = Loop(
            self._journal,
            self._state,
            self._seed,
            self._parts.executor,
            stoppers(self._state.config),
            watch,
            environment=self._parts.environment,
            snapshot_every=self._snapshot_every,
        )
        try:
            reason = anyio.run(self._sit, loop)
        except BaseExceptionGroup as group:
            raise _only(group) from group
        if self._state.archive.seed is None and self._state.evaluations:
            raise SourceError(seed_failed(self._state.config.to_mapping(), self._journal.evaluation(self._seed.id)))
        return self._summary(reason, finished=not loop.interrupted)

    async def _sit(self, loop: Loop) -> str:
        try:
            return await loop.run()
        finally:
            with anyio.CancelScope(shield=True):
                for rest in self._parts.resting:
                    await rest()

    def checkpoint(self) -> None:
        """Save a snapshot now, so that a resume starts from here."""
        self._journal.save_snapshot(self._state.snapshot())

    def _summary(self, reason: str, *, finished: bool) -> Summary:
        state = self._state
        return Summary(
            run=self._journal.folder,
            best=state.promoted.candidate if state.promoted else "",
            evaluations=state.evaluations,
            failures=dict(state.failures),
            speedup=dict(state.promoted.speedup) if state.promoted else {},
            ended=reason,
            finished=finished,
        )

    def close(self) -> None:
        """End what the run started and give its directory back."""
        try:
            self._parts.close()
        finally:
            self._journal.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def begin(
    folder: Path,
    config: RunConfig,
    problem: Task,
    seed: Candidate,
    parts: Parts,
    snapshot_every: int = SNAPSHOT_EVERY,
    lock: int | None = None,
) -> Run:
    """A new run with these parts; ``lock`` is the claim on the directory, when there is one already.

    Raises:
        JournalError: the directory holds a run already, is in use, or cannot be written.
    """
    started = RunStarted(config.to_mapping(), describe(problem), parts.environment, __version__)
    journal = journals.create(folder, started, lock)
    return Run(journal, fresh_state(config, parts.proposer(journal), journal), seed, parts, snapshot_every)


def go_on(journal: Journal, seed: Candidate, parts: Parts, snapshot_every: int = SNAPSHOT_EVERY) -> Run:
    """An existing run with these parts, as of its newest event."""
    state = fresh_state(RunConfig.from_mapping(journal.started.config), parts.proposer(journal), journal)
    state.replay(journal)
    run = Run(journal, state, seed, parts, snapshot_every)
    if not journal.ended:
        journal.append(RunResumed(parts.environment, __version__), elapsed=journal.elapsed)
    return run


def first_candidate(journal: Journal) -> Candidate | None:
    """The starting candidate that a run recorded; None when it was killed before it had."""
    for event in journal.events():
        if isinstance(event, Proposed):
            return journal.proposal(event.candidate).candidate
    return None


def fresh_state(config: RunConfig, proposer: Proposer, journal: Journal) -> State:
    """The state of a run before its first event."""
    said = journal.conversations.of if waits(config) else _unsaid
    return State(config, make_strategy(config), proposer, said)


def _unsaid(number: int) -> tuple[Exchange, ...]:
    """Nothing is said where no model is asked: nothing need be looked up."""
    return ()


def _unobserved(event: Event, state: State) -> None:
    """The observer of a run that nobody watches."""


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first cause in a group of one task's failure and the cancellations that followed from it."""
    first = group.exceptions[0]
    return _only(first) if isinstance(first, BaseExceptionGroup) else first
