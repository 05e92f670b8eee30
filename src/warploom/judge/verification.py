"""Verification alone: a kernel on content that nobody has seen, as strictly as for a promotion, without any timing.

It answers the other half of a judge's duty: how often would an honest kernel be rejected?
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from warploom.judge import stages
from warploom.judge.content.layout import output_layout
from warploom.judge.correctness.oracle import draw_checked, with_room
from warploom.judge.correctness.verify import Trial, verify
from warploom.judge.fault import Fault
from warploom.judge.reference.process import ReferenceProcess
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.toolchain.find import find_toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Check, Failed, Verdict
from warploom.values.problem import Problem, Workload
from warploom.values.signature import signature

CALL_SECONDS = 120.0
"""Deadline of one call; no baseline was timed that could say what is slow."""


class Verification:
    """Verifies kernels of one problem, each time in a fresh process and on fresh content. One thread at a time.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: directory for builds.
        seed: of all secret randomness; None draws it from the system.
        limits: what a kernel's process may use up.

    Raises:
        ReferenceFailed: the reference process does not start.
    """

    def __init__(self, problem: Problem, *, cache: Path, seed: int | None = None, limits: Limits | None = None) -> None:
        self.problem = problem
        self._cache = cache
        self._limits = limits or Limits()
        self._rng = np.random.default_rng(secrets.randbits(63) if seed is None else seed)
        self._toolchain = find_toolchain("cpp")
        self._jail = find_jail()
        self._lease = Lease.of_device()
        self._reference = ReferenceProcess(problem, cache)

    def verify(self, candidate: Candidate) -> Verdict | Failed:
        """Build the kernel and check every workload, run twice each, on inputs drawn now.

        Returns:
            Every check, or the first one that failed.

        Raises:
            ReferenceFailed: an oracle could not be computed.
            ProblemError: the reference gives another answer each time.
        """
        with self._lease.shared():
            build = self._toolchain.build(candidate, signature(self.problem), self._cache / "builds")
            if isinstance(build, Failed):
                return build
            checks: list[Check] = []
            try:
                with stages.start(build, candidate, self._jail, self._limits) as process:
                    for workload, roomy in self._workloads():
                        with self._trial(workload, roomy) as trial:
                            deadline_s = CALL_SECONDS * len(trial.outputs)
                            checks += verify(process, [trial], self.problem, deadline_s, self._rng)[0]
            except Fault as fault:
                return Failed(fault.stage, fault.kind, fault.message, fault.log_tail)
        return Verdict(tuple(checks))

    def _workloads(self) -> list[tuple[Workload, bool]]:
        """Held-out ones, timed ones, and with room timed shapes with the values of a held-out recipe drawn by lot."""
        recipes = sorted({workload.recipe for workload in self.problem.checked})
        stressed = [
            Workload(recipe=str(self._rng.choice(others)), **workload.extents)
            for workload in self.problem.workloads
            if (others := [recipe for recipe in recipes if recipe != workload.recipe])
        ]
        held_out = sorted(self.problem.checked, key=self.problem.tensor_bytes)
        strict = [(workload, False) for workload in (*held_out, *self.problem.workloads)]
        return [*strict, *((workload, True) for workload in stressed)]

    @contextlib.contextmanager
    def _trial(self, workload: Workload, roomy: bool) -> Iterator[Trial]:
        layout = output_layout(self.problem, workload)
        seed = int(self._rng.integers(1 << 62))
        with SharedBuffer(layout.size_bytes) as first, SharedBuffer(layout.size_bytes) as second:
            checked = draw_checked(self.problem, workload, self._reference, seed)
            try:
                self._reference.require_repeats(workload, checked.inputs, checked.offsets)
                held_out = workload not in self.problem.workloads
                asked = with_room(checked) if roomy else checked
                yield Trial(workload, asked, layout, (first, second), held_out, f"workload {workload}")
            finally:
                checked.inputs.close()

    def close(self) -> None:
        """End the reference process. May be called again."""
        self._reference.close()

    def __enter__(self) -> Verification:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
