"""One judge a problem for all exhibits, because preparing one takes seconds."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from exhibit import Exhibit

from warploom.judge.evaluate import LocalJudge
from warploom.problems import load_problem
from warploom.sandbox.lease import Lease
from warploom.testing.brief import brief_promotions, eager_alone
from warploom.values.job import Effort, Job
from warploom.values.outcome import Evaluation


class Judges:
    """Judges exhibits, each problem by a judge of its own.

    Args:
        folder: for caches and the lease; verdicts are asked here, so other tests may time meanwhile.
        whole: whether promotions are measured as in a real run: with ``torch.compile`` among the baselines, until the
            interval is narrow, and again once it is quiet. That changes no verdict and costs seconds each time.
    """

    def __init__(self, folder: Path, whole: bool) -> None:
        self.folder, self._whole = folder, whole
        self._judges: dict[str, LocalJudge] = {}

    def judge(self, exhibit: Exhibit) -> LocalJudge:
        """The judge of this exhibit's problem; its first evaluation prepares it."""
        key = str(exhibit.problem_path)
        if key not in self._judges:
            problem = load_problem(exhibit.problem_path)
            self._judges[key] = LocalJudge(problem, cache=self.folder, lease=Lease(self.folder / "zoo.lease"))
        return self._judges[key]

    def prepare(self, exhibit: Exhibit) -> LocalJudge:
        """The judge of this exhibit's problem, prepared."""
        judge = self.judge(exhibit)
        with self._measuring():
            judge.prepare()
        return judge

    def evaluate(self, exhibit: Exhibit, which: str, effort: Effort = "screen") -> Evaluation:
        """Judge ``cheat`` or ``honest``."""
        judge = self.judge(exhibit)
        job = Job(exhibit.candidate(which, judge.problem), judge.problem.hash, effort)
        with self._measuring():
            return judge.evaluate(job)

    @contextlib.contextmanager
    def _measuring(self) -> Iterator[None]:
        if self._whole:
            yield
            return
        with brief_promotions(), eager_alone():
            yield

    def close(self) -> None:
        """End them all."""
        for judge in self._judges.values():
            judge.close()
        self._judges = {}

    def __enter__(self) -> Judges:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@functools.cache
def shared_judges(folder: Path) -> Judges:
    """The judges of a test session, the same for every module that asks with this folder."""
    return Judges(folder, whole=False)
