"""A judge for programs that have an evaluator of their own: it runs that, and believes no more than the run may say.

The number is the evaluator's word. The program runs in its evaluator's process, so the sandbox guards the machine and
not the number; what passes here carries a :class:`~warploom.values.score.Score` and no timings, and counts for nothing
where speedups do.
"""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from typing import Any

from warploom.errors import ProblemError
from warploom.judge.mint import digest, mint
from warploom.problems.apart import end
from warploom.problems.importers.openevolve import EVALUATOR, Folder, score
from warploom.values.job import Job
from warploom.values.outcome import Build, Evaluation, Failed, Passed, Verdict

NOT_GUARDED = "a program runs in its evaluator's process: its score is that evaluator's word, and no measurement"
NO_JAIL = "evaluator and programs run as you, without a sandbox (--trust)"


class ScoreJudge:
    """Scores programs; as safe to call from several threads as the evaluator is to run several times at once.

    Args:
        folder: with the evaluator.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def describe(self) -> dict[str, Any]:
        """What holds for all evaluations: who scores, and what guards the machine from it."""
        folder = self._folder
        gaps = [NOT_GUARDED, *([NO_JAIL] if folder.trust else [])]
        stages = {"timeout_s": folder.timeout_s, "cascade": folder.cascade, "thresholds": list(folder.thresholds)}
        return {
            "sandbox": {"jail": "none" if folder.trust else "bubblewrap", "gaps": gaps},
            "evaluator": {"file": str(folder.path / EVALUATOR), "hash": folder.hash, **stages},
        }

    def evaluate(self, job: Job) -> Evaluation:
        """The score of one program; a program without one is a ``Failed``."""
        folder, candidate = self._folder, job.candidate
        if job.problem != folder.hash:
            return Failed("judge", "rejected", f"the job is for the evaluator {job.problem}, this is {folder.hash}")
        begin = time.perf_counter_ns()
        try:
            scored = score(folder, candidate.source, self._started)
        except ProblemError as error:
            message = str(error).removeprefix(f"openevolve:{folder.path.name}: ")
            kind = "timeout" if "took longer than" in message else "no_score"
            return Failed("verify", kind, message, elapsed_ns={"verify": time.perf_counter_ns() - begin})
        finally:
            self._forget()
        build = Build("", hashlib.sha256(candidate.source.encode()).hexdigest(), EVALUATOR, (), "", 0)
        return Passed(
            build,
            Verdict(()),
            (),
            {"noise_floor": 0.0},
            {"verify": time.perf_counter_ns() - begin},
            mint(candidate, build, folder, {"evaluator": digest({"text": folder.evaluator})}),
            scored,
        )

    def _started(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.add(process)
            closed = self._closed
        if closed:
            end(process)

    def _forget(self) -> None:
        with self._lock:
            self._running = {one for one in self._running if one.poll() is None}

    def close(self) -> None:
        """End every evaluator that is at work."""
        with self._lock:
            self._closed, running = True, set(self._running)
        for process in running:
            end(process)
