"""Where jobs are done: the seam between the loop and whatever evaluates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import anyio
import anyio.to_thread

from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.judge.protocol import Judge
from warploom.values.job import Job, Occasion
from warploom.values.outcome import Evaluation


class Executor(Protocol):
    """Does jobs, wherever that is. Jobs and evaluations are plain serialisable values."""

    async def submit(self, job: Job) -> Evaluation:
        """The outcome of one job; cancellation abandons it."""
        ...


class LocalExecutor:
    """Judges on this machine, in threads.

    Args:
        judge: safe to call from several threads.
        workers: jobs at a time.
    """

    def __init__(self, judge: Judge, workers: int = 1) -> None:
        self._judge = judge
        self._workers = workers
        self._limiter: anyio.CapacityLimiter | None = None

    async def submit(self, job: Job) -> Evaluation:
        """Judge in a thread; when cancelled, the thread ends with the judge."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._workers)
        return await anyio.to_thread.run_sync(self._judge.evaluate, job, limiter=self._limiter, abandon_on_cancel=True)


class RecordedExecutor:
    """Answers from recorded evaluations and refuses what was never measured.

    Args:
        lookup: (candidate id, occasion) → the recorded evaluation, or None.
    """

    def __init__(self, lookup: Callable[[str, Occasion], Evaluation | None]) -> None:
        self._lookup = lookup

    @classmethod
    def of(cls, journal: Journal) -> RecordedExecutor:
        """Answers from a recorded run."""
        return cls(journal.evaluation)

    async def submit(self, job: Job) -> Evaluation:
        """The recorded outcome.

        Raises:
            JournalError: this candidate was never measured with this effort.
        """
        evaluation = self._lookup(job.candidate.id, job.occasion)
        if evaluation is None and job.again:  # it told no more than the first, and was not kept
            evaluation = self._lookup(job.candidate.id, job.effort)
        if evaluation is None:
            raise JournalError(f"candidate {job.candidate.id} was never measured (effort {job.effort}) in this record")
        return evaluation
