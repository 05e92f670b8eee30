"""Several judges of one problem, one a GPU: a candidate goes to whichever is free."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from warploom.judge.evaluate import LocalJudge
from warploom.judge.places import alike
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Build, Evaluation, Failed
from warploom.values.problem import Problem
from warploom.values.target import VENDORS


class Fleet:
    """Judges on devices that are alike, so that a figure of one is a figure of any.

    See :class:`warploom.judge.protocol.Judge`. A challenger is timed beside the best so far on one and the same device.

    Args:
        judges: one a device, at least one.
    """

    def __init__(self, judges: Sequence[LocalJudge]) -> None:
        self._judges = tuple(judges)
        self._free: queue.SimpleQueue[LocalJudge] = queue.SimpleQueue()
        for judge in judges:
            self._free.put(judge)

    def __len__(self) -> int:
        """How many jobs can be done at a time."""
        return len(self._judges)

    def prepare(self) -> None:
        """All of them, side by side; see :meth:`warploom.judge.evaluate.LocalJudge.prepare`."""
        with ThreadPoolExecutor(len(self._judges)) as pool:
            list(pool.map(LocalJudge.prepare, self._judges))

    def describe(self) -> dict[str, Any]:
        """What holds for all evaluations, as the first says it, with the highest noise floor."""
        said = [judge.describe() for judge in self._judges]
        floor = max(one["noise_floor"] for one in said)
        return {**said[0], "noise_floor": floor, "devices": len(said)}

    def build(self, candidate: Candidate) -> Build | Failed:
        """Build a candidate and no more, as for any of the devices."""
        return self._judges[0].build(candidate)

    def evaluate(self, job: Job) -> Evaluation:
        """Judge one candidate on the next device that is free."""
        with self._one() as judge:
            return judge.evaluate(job)

    @contextlib.contextmanager
    def _one(self) -> Iterator[LocalJudge]:
        judge = self._free.get()
        try:
            yield judge
        finally:
            self._free.put(judge)

    def close(self) -> None:
        """End every process that they started. May be called again."""
        for judge in self._judges:
            judge.close()


def make_judge(
    problem: Problem, *, cache: Path, progress: Callable[[str], None] | None = None, language: str = "cpp"
) -> LocalJudge | Fleet:
    """The judge of this machine for candidates of a language: one, or a fleet where several GPUs run it.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: as for :class:`warploom.judge.evaluate.LocalJudge`.
        progress: told what is being prepared, a line each.
        language: of the candidates.

    Raises:
        ConfigError: they run on a GPU, and none that can run them is here.
    """
    devices = alike(language) if language in VENDORS else ()
    if len(devices) < 2:
        return LocalJudge(problem, cache=cache, progress=progress, language=language)
    judges = [
        LocalJudge(problem, cache=cache, progress=progress, language=language, device=device) for device in devices
    ]
    return Fleet(judges)
