"""How near to the speed of light: how much of the gap between a baseline and the machine's bound a kernel closed.

0 is as fast as the baseline, 1 is as fast as the machine can be, below 0 is slower than the baseline. In the manner of
the speed-of-light score of SOL-ExecBench, but linear in time: half of the avoidable time gone is 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warploom.errors import ConfigError
from warploom.values.peaks import memory_ns, traffic
from warploom.values.problem import Problem, Workload

ASSUMPTIONS: tuple[str, ...] = (
    (
        "The bound of a call is the longer of two times: every input read once and every output written once, at "
        "the bandwidth that this machine's calibration reached for as much data as a block of calls has, since each "
        "call has its own; and the reference's arithmetic at the calibration's peak."
    ),
    (
        "Arithmetic is counted in one call of the reference: two operations a multiply-add in matrix products, "
        "convolutions and attention (by PyTorch's own formulas: zeros of a padding, of a triangle or a diagonal "
        "count, and a causal mask saves nothing), and one for each element of the largest tensor of any other "
        "operator, whatever it computes."
    ),
    "The peak is that of float32 multiply-adds on all cores, whatever type the problem has.",
    ("A kernel that needs less arithmetic than its reference may be faster than the bound; it counts as 1 then."),
    "Times are those of calls, with the round trip to the worker: tiny problems cannot reach 1.",
    (
        "A problem whose baseline lies within 5 % of the bound has no gap and no score. One without a verified "
        "kernel counts as 0: you would keep PyTorch."
    ),
)
"""What the score rests on, for whoever reads it."""

NO_GAP = 1.05
"""A baseline may be so many times the bound and is there already."""


class Peaks:
    """What a machine can do at most, as the judge's description of itself has it.

    Args:
        environment: of a run.

    Raises:
        ConfigError: it states no peaks.
    """

    def __init__(self, environment: Mapping[str, Any]) -> None:
        self._environment = environment
        try:
            stated = environment["roofline"]
            self._bytes_per_ns = {int(size): float(peak) for size, peak in stated["bytes_per_ns"].items()}
            self._operations_per_ns = float(stated["operations_per_ns"])
        except (LookupError, TypeError, ValueError, AttributeError):
            raise ConfigError("the run states no peaks of its machine") from None

    def bound_ns(self, problem: Problem, workload: Workload, operations: int, calls: int) -> float:
        """The least time of a call.

        Args:
            problem: whose tensors are moved.
            workload: their shape.
            operations: of the call.
            calls: in a block, each on data of its own.
        """
        moving = memory_ns(traffic(problem, workload, self._environment), self._bytes_per_ns, calls)
        return max(moving, operations / self._operations_per_ns)


def closed(baseline_ns: float, own_ns: float, bound_ns: float) -> float | None:
    """The share of the gap that was closed; None where the baseline left none.

    Args:
        baseline_ns: time of the baseline.
        own_ns: time of the kernel.
        bound_ns: time that the machine needs at least.
    """
    if baseline_ns <= NO_GAP * bound_ns:
        return None
    return min(1.0, (baseline_ns - own_ns) / (baseline_ns - bound_ns))
