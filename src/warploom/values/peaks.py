"""The least time that a call can take on a machine whose peaks are known (the roofline: Williams et al. 2009)."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.values.problem import Problem, Workload
from warploom.values.shape import extent


def memory_ns(problem: Problem, workload: Workload, bytes_per_ns: Mapping[int, float], calls: int) -> float:
    """Nanoseconds of one call that reads every input and writes every output once.

    Args:
        problem: what is computed.
        workload: the shape.
        bytes_per_ns: size of the data in bytes → bytes a nanosecond.
        calls: in a block. Each has data of its own, so no cache that is smaller than all of it can hold it.
    """
    traffic = problem.traffic_bytes(workload)
    return traffic / bandwidth(calls * traffic, bytes_per_ns)


def compute_ns(problem: Problem, workload: Workload, operations_per_ns: float) -> float:
    """Nanoseconds that its operations take; 0 where their number is unknown."""
    return extent(problem.operations, workload.extents) / operations_per_ns if problem.operations else 0.0


def bandwidth(size_bytes: int, bytes_per_ns: Mapping[int, float]) -> float:
    """Bytes a nanosecond for data of this size: the best of the sizes from the next smaller one on."""
    below = max((size for size in bytes_per_ns if size <= size_bytes), default=min(bytes_per_ns))
    return max(peak for size, peak in bytes_per_ns.items() if size >= below)
