from __future__ import annotations

import threading

import anyio
import pytest

from warploom.errors import JournalError
from warploom.search.executor import LocalExecutor, RecordedExecutor
from warploom.testing.synthetic import SyntheticJudge, synthetic_candidate, synthetic_evaluation
from warploom.values.job import Job
from warploom.values.outcome import Evaluation

JOBS = [Job(synthetic_candidate((gene, 0, 0, 0, 0, 0)), "p") for gene in range(6)]


class Watched(SyntheticJudge):
    """Every job waits until as many are at work as there are workers."""

    def __init__(self, workers: int) -> None:
        super().__init__()
        self._meeting = threading.Barrier(workers, timeout=60)
        self.now = 0
        self.most = 0
        self._own = threading.Lock()

    def evaluate(self, job: Job) -> Evaluation:
        with self._own:
            self.now += 1
            self.most = max(self.most, self.now)
        self._meeting.wait()
        with self._own:
            self.now -= 1
        return super().evaluate(job)


@pytest.mark.parametrize("workers", [1, 3])
def test_so_many_jobs_at_a_time_and_no_more(workers: int) -> None:
    judge = Watched(workers)
    executor = LocalExecutor(judge, workers)

    async def all_jobs() -> None:
        async with anyio.create_task_group() as tasks:
            for job in JOBS:
                tasks.start_soon(executor.submit, job)

    anyio.run(all_jobs)
    assert judge.most == workers
    assert len(judge.jobs) == len(JOBS)


def test_recorded_answers_and_refusals() -> None:
    known = {(JOBS[0].candidate.id, "screen"): synthetic_evaluation(JOBS[0].candidate)}
    executor = RecordedExecutor(lambda candidate, effort: known.get((candidate, effort)))
    assert anyio.run(executor.submit, JOBS[0]) == synthetic_evaluation(JOBS[0].candidate)
    with pytest.raises(JournalError, match="never measured"):
        anyio.run(executor.submit, JOBS[1])
    with pytest.raises(JournalError, match="effort promote"):
        anyio.run(executor.submit, Job(JOBS[0].candidate, "p", "promote"))
