"""The judge of this machine: one job in, one evaluation out."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from warploom.errors import ReferenceFailed, WrongReference
from warploom.judge import stages
from warploom.judge.fault import Fault, RivalFailed
from warploom.judge.gpu.offline import measure_offline
from warploom.judge.mint import mint
from warploom.judge.places import find_place
from warploom.judge.roofline import Roofline
from warploom.judge.session import Session
from warploom.sandbox.gpu_device import GpuDevice
from warploom.sandbox.gpu_process import GpuProcess
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.sandbox.runner import Runner
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Build, Evaluation, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem

FEW_CORES = 2
"""With so few cores a build would disturb a timing, and waits for it."""

SANITIZED_SECONDS = 120.0
"""Deadline of calls under a program that watches every access."""


class LocalJudge:
    """Builds, verifies and times candidates of one problem on this machine.

    Safe to call from several threads: candidates are built side by side where there are cores to spare, verified
    and timed one after another. The first call prepares (see :meth:`prepare`).

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: directory for builds, compiled references and this machine's calibration.
        seed: of all secret randomness (inputs, order of sides); None draws it from the system, as a real run must.
        limits: what a candidate's process may use up.
        progress: told what is being prepared, a line each.
        language: of the candidates; where they run follows from it.
        lease: of the device; by default the one that every process on this machine shares.
        device: which GPU, where candidates run on one; by default the first that can run them.

    Raises:
        ConfigError: candidates of this language run on a GPU, and none is here that can run them.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        cache: Path,
        seed: int | None = None,
        limits: Limits | None = None,
        progress: Callable[[str], None] | None = None,
        language: str = "cpp",
        lease: Lease | None = None,
        device: GpuDevice | None = None,
    ) -> None:
        self.problem = problem
        self._cache = cache
        self._seed = seed
        self._limits = limits or Limits()
        self._say = progress or (lambda line: None)
        self._place = find_place(language, problem, cache, self._limits, lease, device)
        self._lease = self._place.lease
        self._one_at_a_time = threading.Lock()
        self._session: Session | None = None
        self._calibrator = self._place.gauge
        self._roofline = Roofline(self._calibrator)
        self._closed = False

    @property
    def hardware(self) -> dict[str, Any]:
        """Processor, cores and caches, and the GPU where candidates run on one; ``key`` names the combination."""
        return dict(self._place.hardware)

    @property
    def noise_floor(self) -> float:
        """Smallest difference of log speedups that means anything here and now; prepares if need be."""
        with self._one_at_a_time:
            return self._prepared().noise_floor

    def prepare(self) -> None:
        """Start the reference process, draw inputs, compute oracles, compile and measure the baselines.

        Raises:
            ReferenceFailed: the reference cannot be computed.
            ToolchainError: the compiler is absent.
        """
        with self._one_at_a_time:
            self._prepared()

    def describe(self) -> dict[str, Any]:
        """Everything that holds for all evaluations of this judge; prepares if need be."""
        with self._one_at_a_time:
            session, calibration = self._prepared(), self._calibrator.current()
            return {
                "hardware": self.hardware,
                "toolchain": self._place.toolchain(),
                "sandbox": {
                    "jail": self._place.shut_in,
                    "gaps": list(self._place.gaps),
                    "limits": asdict(self._limits),
                },
                "calibration": calibration.describe(),
                "roofline": self._roofline.describe(),
                "clock": self._place.setting.clock,
                **session.describe(),
            }

    def build(self, candidate: Candidate) -> Build | Failed:
        """Build a candidate and no more: the first part of :meth:`evaluate`, which finds it built. Prepares nothing."""
        with self._room_to_build():
            return self._place.build(candidate, self._cache / "builds")

    def evaluate(self, job: Job) -> Evaluation:
        """Judge one candidate; whatever it does is a ``Failed``, and so is a reference that dies twice.

        Raises:
            WrongReference: no candidate of this problem can be judged: nothing could be prepared.
        """
        elapsed = dict.fromkeys(("build", "load", "verify", "time"), 0)
        if job.problem != self.problem.hash or job.candidate.problem != self.problem.hash:
            return Failed("judge", "rejected", f"the job is for problem {job.problem}, not {self.problem.hash}")
        with self._room_to_build(), _clock(elapsed, "build"):
            build = self._place.build(job.candidate, self._cache / "builds")
        if isinstance(build, Failed):
            return replace(build, elapsed_ns=elapsed, environment=self._environment())
        with self._one_at_a_time:
            try:
                try:
                    return self._judge(job, build, elapsed)
                except ReferenceFailed as error:
                    if self._session is None or self._closed:
                        raise
                    self._say(f"starting PyTorch again: {error}")
                    self._session.restart_reference()
                    return self._judge(job, build, elapsed)
            except ReferenceFailed as error:
                if self._session is None and isinstance(error, WrongReference):
                    raise
                return Failed("judge", "reference", str(error), elapsed_ns=elapsed, environment=self._environment())

    def close(self) -> None:
        """End every process this judge started, and give its memory back. May be called again.

        An evaluation under way in another thread ends as a ``Failed`` as soon as it needs the reference.
        """
        self._closed = True
        session = self._session
        if session is not None:
            session.reference.kill()
        with self._one_at_a_time:
            if self._session is not None:
                self._session.close()
                self._session = None

    def __enter__(self) -> LocalJudge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------ the stages

    def _judge(self, job: Job, build: Build, elapsed: dict[str, int]) -> Evaluation:
        session, promote = self._prepared(), job.effort == "promote"
        found: dict[str, Any] = {}
        if promote:
            session.compile_baselines()
        try:
            with contextlib.ExitStack() as stack:
                with self._lease.shared():
                    with _clock(elapsed, "load"):
                        process = stack.enter_context(self._place.start(build, job.candidate))
                    with _clock(elapsed, "verify"):
                        checks, first_ns = stages.verify_all(session, process, promote, self._limits.call_seconds)
                        if promote:
                            checks += stages.verify_stressed(session, process)
                            with self._place.start(build, job.candidate) as fresh:
                                checks += stages.verify_first(session, fresh)
                            again = partial(stages.verify_held_out, session, seconds=SANITIZED_SECONDS)
                            once = partial(stages.call_once, session, seconds=SANITIZED_SECONDS)
                            found = self._place.examine(build, job.candidate, again, once)
                    rival = self._start_rival(job, stack) if promote else None
                with self._lease.exclusive(), _clock(elapsed, "time"):
                    timings, notes = stages.time_all(session, self._roofline, process, rival, job, first_ns)
                    if promote and isinstance(process, GpuProcess):
                        more, said = measure_offline(process, session, timings, session.baselines)
                        timings, notes = timings + more, notes | said
                if promote:
                    with self._lease.shared(), _clock(elapsed, "verify"):
                        checks += stages.verify_timed(session)
        except RivalFailed as error:
            self._say(f"the best so far could not be timed again: {error}")
            return self._judge(replace(job, rival=None), build, elapsed)
        except Fault as fault:
            return Failed(
                fault.stage,
                fault.kind,
                fault.message,
                fault.log_tail,
                elapsed_ns=elapsed,
                environment=self._environment(),
            )
        made_from = mint(job.candidate, build, self.problem, self._baselines(session, timings))
        environment = {**self._environment(), **found, **notes}
        if promote and job.rival is not None:
            environment["incumbent"] = job.rival.id
        return Passed(build, Verdict(tuple(checks)), tuple(timings), environment, elapsed, made_from)

    def _baselines(self, session: Session, timings: Iterable[Timing]) -> dict[str, Any]:
        """What stood beside the candidate, without what differs from one process to the next: for the mint."""
        return {
            "timed": sorted({timing.baseline for timing in timings}),
            "reference": session.reference.description,
            "settings": session.reference.settings,
        }

    def _start_rival(self, job: Job, stack: contextlib.ExitStack) -> Runner | None:
        """The best so far in a process of its own; it was built before, so that this costs a look into the cache."""
        if job.rival is None:
            return None
        build = self._place.build(job.rival, self._cache / "builds")
        if isinstance(build, Failed):
            raise RivalFailed(build.message)
        try:
            return stack.enter_context(self._place.start(build, job.rival))
        except Fault as fault:
            raise RivalFailed(fault.message) from fault

    # ------------------------------------------------------------ what stands around them

    def _prepared(self) -> Session:
        if self._closed:
            raise RuntimeError("this judge has been closed")
        if self._session is None:
            self._cache.mkdir(parents=True, exist_ok=True)
            floor = self._calibrator.current(self._say).noise_floor
            setting = self._place.setting
            self._session = Session(self.problem, self._cache, self._lease, self._seed, self._say, floor, setting)
        return self._session

    def _environment(self) -> dict[str, Any]:
        """Small, for it is stored with every evaluation; the rest is in :meth:`describe`."""
        found: dict[str, Any] = {"jail": self._place.shut_in, "hardware": self._place.hardware["key"]}
        if self._session is not None:
            found["noise_floor"] = round(self._session.noise_floor, 4)
            calibration = self._calibrator.current()
            found |= {"calibration": calibration.id, "round_trip_ns": round(calibration.round_trip_ns)}
        return found

    @contextlib.contextmanager
    def _room_to_build(self) -> Iterator[None]:
        if len(os.sched_getaffinity(0)) > FEW_CORES:
            yield
            return
        with self._lease.shared():
            yield


@contextlib.contextmanager
def _clock(elapsed: dict[str, int], stage: str) -> Iterator[None]:
    """Add the time of this block to its stage, however it ends; waiting for the device is nobody's stage."""
    begin = time.perf_counter_ns()
    try:
        yield
    finally:
        elapsed[stage] += time.perf_counter_ns() - begin
