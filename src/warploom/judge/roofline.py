"""What beats the machine is not a record but a fault."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from warploom.judge.fault import Fault
from warploom.judge.place import Gauge
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench
from warploom.values.outcome import Timing
from warploom.values.peaks import compute_ns, memory_ns
from warploom.values.problem import Problem, Workload

ATTEMPTS = 3
"""Times that the peaks are measured once more before a kernel is called too fast: others may be at work."""

MARGIN = 0.8
"""A call may take this share of the time that the measured peaks allow: no peak is measured perfectly."""


def traffic_bytes(bench: Bench, reference: ReferenceProcess) -> int:
    """What a call must move at least: what its problem says, or what the reference reads, and all outputs."""
    if bench.problem.traffic:
        return bench.problem.traffic_bytes(bench.workload)
    bench.fill(1)
    read = reference.read_bytes(bench.workload, bench.inputs, bench.windows(1)[0])
    return read + sum(region.size_bytes for region in bench.outputs_layout.regions)


class Roofline:
    """The least time that a call can take on this machine.

    A peak taken on a busy machine is too low, and would convict honest kernels: so peaks only ever rise, and before
    a kernel is called too fast they are measured again, a few times. Where PyTorch itself is faster than the floor, the
    floor is wrong, and convicts nobody.

    Args:
        calibrator: whose calibration holds the peaks.
    """

    def __init__(self, calibrator: Gauge) -> None:
        self._calibrator = calibrator

    def floor_ns(self, problem: Problem, workload: Workload, traffic_bytes: int, calls: int = 1) -> float:
        """The least time one call of a block can take: bytes over bandwidth, or operations over peak, the longer."""
        peaks = self._calibrator.current().peaks
        moving = memory_ns(traffic_bytes, peaks.bytes_per_ns, calls)
        return max(moving, compute_ns(problem, workload, peaks.operations_per_ns))

    def check(self, problem: Problem, timing: Timing, traffic_bytes: int) -> float:
        """Fraction of the roofline that a candidate reached; the caller holds the device alone.

        Args:
            problem: what is computed.
            timing: candidate beside PyTorch, which is known to do the work.
            traffic_bytes: that a call must move at least.

        Raises:
            Fault: it was faster than this machine can be.
        """

        def floor_ns() -> float:
            return self.floor_ns(problem, timing.workload, traffic_bytes, timing.calls[0])

        for _ in range(ATTEMPTS):
            if self._work_ns(timing, timing.samples_ns) >= MARGIN * floor_ns():
                break
            self._calibrator.raise_peaks()
        own, floor = self._work_ns(timing, timing.samples_ns), floor_ns()
        if own < MARGIN * floor <= self._work_ns(timing, timing.reference_samples_ns):
            raise Fault(
                "time",
                "too_fast",
                f"workload {timing.workload}: the work of a call took {own / 1e3:.1f} µs, this machine needs at least "
                f"{floor / 1e3:.1f} µs to move {traffic_bytes} bytes or do the operations: it cannot have done the "
                "work. If it can do without some of them, say with traffic=... in the problem how many it must move",
            )
        return min(1.0, floor / median(timing.samples_ns))

    def _work_ns(self, timing: Timing, samples_ns: Sequence[float]) -> float:
        """The shortest call that was seen, less half a round trip: they differ, and too much would convict the honest.

        One sample is proof enough. Whatever else the machine does can only make it longer, so a median would acquit
        what does nothing wherever the machine is busy half of the time.
        """
        shortest = min(samples_ns)
        return max(shortest - self._calibrator.current().round_trip_ns / (2 * timing.calls[0]), shortest / 2)

    def describe(self) -> dict[str, Any]:
        """The peaks, as recorded."""
        peaks = self._calibrator.current().peaks
        return {
            "bytes_per_ns": {str(size): peak for size, peak in peaks.bytes_per_ns.items()},
            "operations_per_ns": peaks.operations_per_ns,
            "margin": MARGIN,
        }
