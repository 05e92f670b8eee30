"""A GPU as a place where candidates run: a process that holds it, one lease a device (docs/decisions/0014)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError
from warploom.judge.fault import Fault
from warploom.judge.gpu.gauge import GpuGauge
from warploom.judge.gpu.profile import profile
from warploom.judge.gpu.sanitizer import sanitize
from warploom.judge.machine.hardware import hardware
from warploom.judge.seal import sealed
from warploom.judge.timing.bench import Setting
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_device import GpuDevice
from warploom.sandbox.gpu_process import GpuProcess
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.sandbox.runner import Runner
from warploom.toolchain.find import find_toolchain
from warploom.toolchain.gpu_bundle import Bundle, read_bundle
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.problem import Problem
from warploom.values.signature import signature
from warploom.values.target import VENDORS

CLOCK = "the larger of device events and the host's clock"
MOST_CALLS = 4
"""Calls of a block: each is timed by itself, so that a block need not be long to be measured well."""

SHUT_IN = "gpu process"
"""What candidates run in."""

START_SECONDS = 60.0
"""A context takes its time where there are many devices."""

_JAIL = "the machine code is read by the driver, in a process without a jail; no host code of a candidate runs in it"
_PAGEABLE = "device code can read pageable memory of that process, should it guess an address: inputs and poison"


class Gpu:
    """See :class:`warploom.judge.place.Place`. It judges every language that compiles for its device.

    Args:
        problem: whose candidates.
        language: of the candidates, where none is at hand.
        device: which.
        cache: directory of builds and of the calibration.
        limits: how long a candidate's process may take to start.
        lease: of the device; by default the one that every process on this machine shares.
    """

    shut_in = SHUT_IN

    def __init__(
        self, problem: Problem, language: str, device: GpuDevice, cache: Path, limits: Limits, lease: Lease | None
    ) -> None:
        self.device = device
        architecture = device.architecture
        if architecture is None:
            raise ConfigError(f"{device.name} has compute capability {device.capability}, which Warploom does not know")
        self._architecture = architecture
        self._problem, self._language = problem, language
        self._limits = limits = replace(limits, start_seconds=max(limits.start_seconds, START_SECONDS))
        self.hardware = describe(device)
        self.lease = lease or Lease.of_device(f"gpu-{device.uuid[:12]}")
        self.setting = Setting(CLOCK, device.name, device.torch, MOST_CALLS)
        self.gauge = GpuGauge(device, problem, self.hardware["key"], cache, self.lease, limits)

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not protected."""
        return gaps(self.device)

    def toolchain(self) -> str:
        """Compiler and version, and the driver's."""
        compiler = find_toolchain(self._language, (self._architecture,)).version()
        return f"{compiler}, {self.device.driver_version}"

    def build(self, candidate: Candidate, cache: Path) -> Build | Failed:
        """Compile a candidate for the architecture of this device."""
        language = candidate.language
        if self._architecture.vendor not in VENDORS.get(language, ()):
            return Failed("source", "rejected", f"a {language} candidate does not run on {self.device.name}")
        return find_toolchain(language, (self._architecture,)).build(candidate, signature(self._problem), cache)

    def start(self, build: Build, candidate: Candidate) -> GpuProcess:
        """A fresh process that has loaded the kernel."""
        bundle = self._bundle(build)
        try:
            return GpuProcess(bundle, self._problem, self.device, self._limits)
        except WorkerFailed as error:
            raise Fault("load", error.kind, error.message, error.log_tail) from error

    def examine(
        self, build: Build, candidate: Candidate, check: Callable[[Runner], object], call: Callable[[Runner], object]
    ) -> dict[str, Any]:
        """What a sanitizer says of the checked calls, and a profiler of one call, where there are such programs."""
        bundle = self._bundle(build)

        def start(before: Sequence[str]) -> GpuProcess:
            return GpuProcess(bundle, self._problem, self.device, self._limits, before)

        kernel = bundle.codes[self._architecture.name].kernel
        return sanitize(start, check) | profile(start, call, kernel)

    def _bundle(self, build: Build) -> Bundle:
        try:
            with sealed(build) as artifact:
                return read_bundle(artifact)
        except ValueError as error:
            raise Fault("load", "load_error", str(error)) from error


def gaps(device: GpuDevice) -> tuple[str, ...]:
    """What is not protected while kernels run on this device, a phrase each."""
    return (_JAIL, _PAGEABLE) if device.pageable else (_JAIL,)


def describe(device: GpuDevice) -> dict[str, Any]:
    """Processor and GPU; ``key`` names the combination. It says nothing of which of several equal GPUs it is."""
    host = hardware()
    gpu = {
        "name": device.name,
        "capability": list(device.capability),
        "units": device.units,
        "clock_khz": device.clock_khz,
        "memory_bytes": device.memory_bytes,
        "l2_bytes": device.l2_bytes,
        "driver": device.driver_version,
    }
    key = hashlib.sha256(json.dumps([host["key"], gpu], sort_keys=True).encode()).hexdigest()[:12]
    return {**host, "gpu": gpu, "key": key}
