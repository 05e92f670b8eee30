"""What a GPU can do and how well it can be measured: copies on the device, in processes as candidates have them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from warploom.errors import ToolchainError
from warploom.judge.machine.against_itself import deviation
from warploom.judge.machine.calibration import Calibration, Peaks, keep, recall
from warploom.judge.machine.probe import probe_clock
from warploom.judge.promotion import INCUMBENT
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_device import GpuDevice
from warploom.sandbox.gpu_worker_process import GpuWorkerProcess
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.values.outcome import Timing
from warploom.values.problem import Problem, Workload

MATRIX_OPERATIONS: dict[str, int] = {
    "sm_80": 2048,
    "sm_86": 1024,
    "sm_89": 1024,
    "sm_90": 4096,
    "sm_90a": 4096,
    "sm_100": 8192,
    "sm_100a": 8192,
    "sm_120": 1024,
    "sm_120a": 1024,
}
"""Architecture → operations of 16-bit matrix units in one unit and cycle, a multiply-add counting two.

From the peaks that NVIDIA's data sheets give for dense products, units and boost clocks: A100 312, RTX 3090 142,
RTX 4090 330, H100 989, B200 2250, RTX 5090 419 TFLOP/s.
"""

NARROW: frozenset[str] = frozenset({"int8", "uint8"})
"""Tensors of these make matrix units twice as fast."""

SIZES: tuple[int, ...] = tuple(1 << power for power in range(20, 31, 2))
SHARE = 16
"""No copy takes more than one part in so many of the device's memory."""

REPEATS = 3
COMPARISONS = 3
PAIRS = 20
PAIR_BYTES = 64 << 20
SECONDS = 30.0


class GpuGauge:
    """See :class:`warploom.judge.place.Gauge`.

    Args:
        device: which.
        problem: its tensors say which units can be used.
        key: of the hardware.
        cache: directory of what was measured.
        lease: of the device.
        limits: how long a process may take to start.
    """

    def __init__(
        self, device: GpuDevice, problem: Problem, key: str, cache: Path, lease: Lease, limits: Limits
    ) -> None:
        self._device, self._key, self._cache, self._lease, self._limits = device, key, cache, lease, limits
        narrow = any(tensor.dtype in NARROW for tensor in problem.inputs.values())
        self._operations_per_ns = matrix_peak(device) * (2 if narrow else 1)
        self._held: Calibration | None = None

    def current(self, say: Callable[[str], None] = lambda line: None) -> Calibration:
        """The one that holds; where there is none, it is taken now.

        Raises:
            ToolchainError: the device cannot be used.
        """
        if self._held is None:
            kept, reason = recall(self._cache, self._key, self._device.driver_version)
            if kept is None or reason:
                say(f"calibrating {self._device.name}: {reason}")
                kept = self._take()
            self._held = self._for_problem(kept)
        return self._held

    def raise_peaks(self) -> None:
        """Measure the bandwidth once more; the higher figures stay. The caller holds the device alone."""
        held = self.current()
        peaks = self._peaks()
        drift = max(held.drift, peaks.drift(held.peaks))
        self._held = self._for_problem(replace(held, peaks=peaks.above(held.peaks), drift=drift))
        keep(self._cache, self._held)

    def _for_problem(self, calibration: Calibration) -> Calibration:
        return replace(calibration, peaks=replace(calibration.peaks, operations_per_ns=self._operations_per_ns))

    def _take(self) -> Calibration:
        with self._lease.exclusive():
            peaks = self._peaks()
            resolution_ns, overhead_ns = probe_clock()
            itself = tuple(self._against_itself() for _ in range(COMPARISONS))
        taken = Calibration(
            hardware=self._key,
            toolchain=self._device.driver_version,
            taken_s=time.time(),
            busy=None,
            peaks=peaks,
            timer_resolution_ns=resolution_ns,
            timer_overhead_ns=overhead_ns,
            round_trip_ns=max(resolution_ns, 1.0),  # the clock stands beside the launch: there is no way to it
            itself=itself,
        )
        keep(self._cache, taken)
        return taken

    def _peaks(self) -> Peaks:
        """The quickest of some copies of each size, bytes read and written."""
        most = self._device.memory_bytes // SHARE
        found: dict[int, float] = {}
        with self._worker() as worker:
            for size in [size for size in SIZES if size <= most] or [most]:
                found[2 * size] = 2 * size / min(_copy(worker, size, cold=False) for _ in range(REPEATS))
        return Peaks(found, self._operations_per_ns)

    def _against_itself(self) -> tuple[float, float]:
        """One copy in two fresh processes, in turns as a candidate and its baseline."""
        size = min(PAIR_BYTES, self._device.memory_bytes // SHARE)
        with self._worker() as one, self._worker() as other:
            sides = [one, other]
            samples: dict[int, list[float]] = {id(side): [] for side in sides}
            for _ in range(PAIRS):
                random.shuffle(sides)
                for side in sides:
                    samples[id(side)].append(_copy(side, size, cold=True))
            pairs = tuple(samples[id(one)]), tuple(samples[id(other)])
        return deviation([Timing(Workload(bytes=size), INCUMBENT, *pairs)])

    def _worker(self) -> GpuWorkerProcess:
        try:
            return GpuWorkerProcess(self._device, self._limits)
        except WorkerFailed as error:
            raise ToolchainError(f"{self._device.name} cannot be used: {error}") from error


def matrix_peak(device: GpuDevice) -> float:
    """Operations a nanosecond of 16-bit matrix units at the highest clock; no kernel is faster."""
    architecture = device.architecture
    name = architecture.name if architecture else ""
    per_cycle = MATRIX_OPERATIONS.get(name, max(MATRIX_OPERATIONS.values()))
    return device.units * per_cycle * device.clock_khz / 1e6


def _copy(worker: GpuWorkerProcess, size: int, cold: bool) -> int:
    try:
        return max(1, worker.ask("copy", [f"{size} {cold:d}"], (), time.monotonic() + SECONDS))
    except WorkerFailed as error:
        raise ToolchainError(f"a copy of {size} bytes on the device failed: {error}") from error
