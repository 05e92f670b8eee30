"""One judge a problem for all exhibits, because preparing one takes seconds."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from unittest import mock

from exhibit import Exhibit

from warploom.judge.evaluate import LocalJudge
from warploom.judge.session import Session
from warploom.problems import load_problem
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.values.job import Effort, Job
from warploom.values.outcome import Evaluation

LIMITS = Limits(call_seconds=2.0, start_seconds=4.0)
"""Shorter deadlines than usual: what hangs shall not take long."""


class Judges:
    """Judges exhibits, each problem by a judge of its own.

    Args:
        folder: for caches and the lease; verdicts are asked here, so other tests may time meanwhile.
        compiled: whether ``torch.compile`` is among the baselines of promotions; it changes no verdict and costs
            ten seconds.
    """

    def __init__(self, folder: Path, compiled: bool) -> None:
        self.folder, self._compiled = folder, compiled
        self._judges: dict[str, LocalJudge] = {}

    def judge(self, exhibit: Exhibit) -> LocalJudge:
        """The judge of this exhibit's problem; its first evaluation prepares it."""
        key = str(exhibit.problem_path)
        if key not in self._judges:
            problem = load_problem(exhibit.problem_path)
            lease = Lease(self.folder / "lease")
            self._judges[key] = LocalJudge(problem, cache=self.folder, limits=LIMITS, lease=lease)
        return self._judges[key]

    def evaluate(self, exhibit: Exhibit, which: str, effort: Effort = "screen") -> Evaluation:
        """Judge ``cheat`` or ``honest``."""
        judge = self.judge(exhibit)
        job = Job(exhibit.candidate(which, judge.problem), judge.problem.hash, effort)
        with self._baselines():
            return judge.evaluate(job)

    @contextlib.contextmanager
    def _baselines(self) -> Iterator[None]:
        if self._compiled:
            yield
            return
        with mock.patch.object(Session, "compile_baselines"):
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
    folder.mkdir(exist_ok=True)
    return Judges(folder, compiled=False)
