"""This machine's processor as a place where candidates run: jailed processes, one lease for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from warploom.judge import stages
from warploom.judge.machine.calibrator import Calibrator
from warploom.judge.machine.hardware import hardware
from warploom.judge.timing.bench import PROCESSOR, Setting
from warploom.sandbox.candidate_process import CandidateProcess
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.sandbox.runner import Runner
from warploom.toolchain.find import find_toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.problem import Problem
from warploom.values.signature import signature


class Processor:
    """See :class:`warploom.judge.place.Place`.

    Args:
        problem: whose candidates.
        language: of the candidates.
        cache: directory of builds and of the calibration.
        limits: what a candidate's process may use up.
        lease: of the device; by default the one that every process on this machine shares.
    """

    setting: Setting = PROCESSOR

    def __init__(self, problem: Problem, language: str, cache: Path, limits: Limits, lease: Lease | None) -> None:
        self._toolchain = find_toolchain(language)
        self._signature = signature(problem)
        self._limits = limits
        self._jail = find_jail()
        self.hardware: dict[str, Any] = hardware()
        self.lease = lease or Lease.of_device()
        self.gauge = Calibrator(find_toolchain("cpp"), self._jail, cache, self.hardware, self.lease)

    @property
    def shut_in(self) -> str:
        """The jail."""
        return self._jail.name

    @property
    def gaps(self) -> tuple[str, ...]:
        """Of the jail."""
        return self._jail.gaps

    def toolchain(self) -> str:
        """Compiler and version."""
        return self._toolchain.version()

    def build(self, candidate: Candidate, cache: Path) -> Build | Failed:
        """Compile a candidate."""
        return self._toolchain.build(candidate, self._signature, cache)

    def start(self, build: Build, candidate: Candidate) -> CandidateProcess:
        """A fresh jailed process; see :func:`warploom.judge.stages.start`."""
        return stages.start(build, candidate, self._jail, self._limits)

    def examine(
        self, build: Build, candidate: Candidate, check: Callable[[Runner], object], call: Callable[[Runner], object]
    ) -> dict[str, Any]:
        """Nothing: the jail and the guards have seen it all."""
        return {}
