"""Ask and tell: a run whose proposals come from outside agents, one step at a time.

An agent asks for a request, takes what time it needs, and tells its answer; the answer is judged and enters the run
as any proposal does. Any number of requests may be open, for ever. The run's lock is held only while a step is made,
so several processes can work on one run, and whatever is killed leaves a run that goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import anyio

from warploom import __version__
from warploom.archive import journal as journals
from warploom.archive.database import NO_PATIENCE, Patience
from warploom.archive.journal import Journal
from warploom.propose.protocol import Proposer
from warploom.search.agents.outside import NotReady, Scribe, WithScribe
from warploom.search.agents.reply import Assignment, Reply, draft_reply
from warploom.search.agents.step import Step
from warploom.search.sitting import Parts, fresh_state
from warploom.values.candidate import Candidate
from warploom.values.config import RunConfig
from warploom.values.event import RunResumed
from warploom.values.job import Job

Result = TypeVar("Result")


@dataclass(frozen=True)
class Wiring:
    """What a run for agents is wired to; everything can be replaced for tests.

    Attributes:
        seed: the starting candidate.
        parts: makes the judge ready; called when the first kernel is to be judged.
        proposer: makes the run's own proposer, which is not asked here, but learns.
        scribe: makes what puts requests into words.
        description: says what is to be done, given what the judge says of the machine.
    """

    seed: Candidate
    parts: Callable[[], Parts]
    proposer: Callable[[Mapping[str, Any], Journal], Proposer]
    scribe: Callable[[Mapping[str, Any], Journal], Scribe]
    description: Callable[[Mapping[str, Any]], str]


class AgentRun:
    """A run as outside agents see it. Safe to use from several threads: steps wait for one another.

    Args:
        folder: the run directory; it holds a run.
        wiring: what it is wired to.
        parts: a judge that is ready already, of whose sitting the journal tells.
        patience: how long to wait for another process that is at work on the run.
    """

    def __init__(
        self, folder: Path, wiring: Wiring, parts: Parts | None = None, patience: Patience = NO_PATIENCE
    ) -> None:
        self.folder = folder
        self._wiring = wiring
        self._parts = parts
        self._recorded = parts is not None
        self._patience = patience
        self._checked = False
        self._stepping = threading.Lock()
        self._judging = threading.Lock()

    def ask(self, number: int | None = None) -> Assignment:
        """A request. The first of a new run judges the starting source before.

        Args:
            number: of an open request that is wanted once more; None for a new one.

        Raises:
            SourceError: the starting source failed.
            JournalError: there is no such request, the run cannot be used, or another process keeps it too long.
        """
        with self._step() as step:
            if number is not None:
                return step.hand_out(step.open(number))
            if step.state.archive.seed is None:
                self._judged(step, lambda: step.plant(self._wiring.seed))
            return step.ask()

    def tell(self, number: int, text: str) -> Reply:
        """Judge an answer: a whole source, fenced or not, or SEARCH/REPLACE edits.

        The same answer told again, as after a kill, gives the same reply again.

        Raises:
            SourceError: the answer cannot be used; the request stays open.
            JournalError: there is no such request, it has another answer, or the run cannot be used.
        """
        with self._step() as step:
            if number not in step.state.outside and (known := step.known(number, text)):
                return known
            turn = step.open(number)
            if turn.proposal is None:
                step.take(turn, text)
            return self._judged(step, lambda: step.judge(turn))

    def judge_draft(self, number: int, text: str) -> Reply:
        """Build, verify and time an answer without telling it: nothing of it enters the run.

        Raises:
            SourceError: the answer cannot be used.
            JournalError: there is no such request, or the run cannot be used.
        """
        with self._step() as step:
            candidate = step.read(step.open(number), text).candidate
        with self._judging:
            evaluation = anyio.run(self._ready().executor.submit, Job(candidate, candidate.problem))
        return draft_reply(candidate.id, evaluation)

    def describe(self) -> str:
        """The problem in words: what is computed on which shapes, the calling convention, the machine."""
        with self._step() as step:
            return self._wiring.description(step.journal.started.environment)

    def status(self) -> dict[str, Any]:
        """How the run stands, as JSON values: evaluations, failures, open requests, the best."""
        with self._step() as step:
            return step.status()

    def best(self) -> dict[str, Any]:
        """The status with the best kernel's source.

        Raises:
            JournalError: nothing has been promoted yet.
        """
        with self._step() as step:
            return step.best()

    @contextmanager
    def _step(self) -> Iterator[Step]:
        """The run, locked; a snapshot is left behind when something happened."""
        with self._stepping:
            journal = journals.reopen(self.folder, self._patience, thorough=not self._checked)
            try:
                self._checked = True
                environment = self._parts.environment if self._parts else journal.started.environment
                scribe = self._wiring.scribe(environment, journal)
                own = self._wiring.proposer(environment, journal)
                config = RunConfig.from_mapping(journal.started.config)
                state = fresh_state(config, WithScribe(own, scribe), journal)
                state.replay(journal)
                before = journal.length
                yield Step(journal, state, scribe, self._parts or Parts(NotReady(), lambda _: own))
                if journal.length > before:
                    journal.save_snapshot(state.snapshot())
            finally:
                journal.close()

    def _judged(self, step: Step, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Do what needs the judge; the journal is told of a sitting with one."""
        with self._judging:
            parts = self._ready()
            step.wire(parts)
            if not self._recorded:
                step.journal.append(RunResumed(parts.environment, __version__), elapsed=step.journal.elapsed)
                self._recorded = True
            return anyio.run(work)

    def _ready(self) -> Parts:
        if self._parts is None:
            self._parts = self._wiring.parts()
        return self._parts

    def close(self) -> None:
        """End what was started to judge."""
        with self._judging:
            if self._parts is not None:
                self._parts.close()
                self._parts = None

    def __enter__(self) -> AgentRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
