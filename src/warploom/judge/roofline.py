"""What beats the machine is not a record but a fault."""

from __future__ import annotations

from statistics import median
from typing import Any

from warploom.judge.fault import Fault
from warploom.judge.place import Gauge
from warploom.values.outcome import Timing
from warploom.values.peaks import compute_ns, memory_ns
from warploom.values.problem import Problem, Workload

MARGIN = 0.8
"""A call may take this share of the time that the measured peaks allow: no peak is measured perfectly."""


class Roofline:
    """The least time that a call can take on this machine.

    A peak taken on a busy machine is too low, and would convict honest kernels: so peaks only ever rise, and before
    a kernel is called too fast they are measured once more.

    Args:
        calibrator: whose calibration holds the peaks.
    """

    def __init__(self, calibrator: Gauge) -> None:
        self._calibrator = calibrator

    def floor_ns(self, problem: Problem, workload: Workload, calls: int = 1) -> float:
        """The least time one call of a block can take: bytes over bandwidth, or operations over peak, the longer."""
        peaks = self._calibrator.current().peaks
        moving = memory_ns(problem, workload, peaks.bytes_per_ns, calls)
        return max(moving, compute_ns(problem, workload, peaks.operations_per_ns))

    def check(self, problem: Problem, timing: Timing) -> float:
        """Fraction of the roofline that a candidate reached; the caller holds the device alone.

        Raises:
            Fault: it was faster than this machine can be.
        """
        own = self._work_ns(timing)
        if own < MARGIN * self.floor_ns(problem, timing.workload, timing.calls[0]):
            self._calibrator.raise_peaks()
        floor = self.floor_ns(problem, timing.workload, timing.calls[0])
        if own < MARGIN * floor:
            raise Fault(
                "time",
                "too_fast",
                f"workload {timing.workload}: the work of a call took {own / 1e3:.1f} µs, this machine needs at least "
                f"{floor / 1e3:.1f} µs to move the data or do the operations: it cannot have done the work",
            )
        return floor / median(timing.samples_ns)

    def _work_ns(self, timing: Timing) -> float:
        """The shortest call that was seen, less half a round trip: they differ, and too much would convict the honest.

        One sample is proof enough. Whatever else the machine does can only make it longer, so a median would acquit
        what does nothing wherever the machine is busy half of the time.
        """
        shortest = min(timing.samples_ns)
        return max(shortest - self._calibrator.current().round_trip_ns / (2 * timing.calls[0]), shortest / 2)

    def describe(self) -> dict[str, Any]:
        """The peaks, as recorded."""
        peaks = self._calibrator.current().peaks
        return {
            "bytes_per_ns": {str(size): peak for size, peak in peaks.bytes_per_ns.items()},
            "operations_per_ns": peaks.operations_per_ns,
            "margin": MARGIN,
        }
