"""The least time that a call can take on a machine whose peaks are known (the roofline: Williams et al. 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warploom.values.problem import Problem, Workload
from warploom.values.shape import extent


def traffic(problem: Problem, workload: Workload, environment: Mapping[str, Any]) -> int:
    """Bytes that a call must move at least.

    Args:
        problem: what is computed.
        workload: the shape.
        environment: what the judge states; it has seen how much of its inputs the reference reads.
    """
    stated = environment.get("traffic_bytes")
    found = stated.get(str(workload)) if isinstance(stated, Mapping) else None
    return int(found) if isinstance(found, int | float) and found > 0 else problem.traffic_bytes(workload)


def memory_ns(traffic_bytes: float, bytes_per_ns: Mapping[int, float], calls: int) -> float:
    """Nanoseconds of one call that moves so many bytes.

    Args:
        traffic_bytes: of a call, see :func:`traffic`.
        bytes_per_ns: size of the data in bytes → bytes a nanosecond.
        calls: in a block. Each has data of its own, so no cache that is smaller than all of it can hold it.
    """
    return traffic_bytes / bandwidth(int(calls * traffic_bytes), bytes_per_ns)


def compute_ns(problem: Problem, workload: Workload, operations_per_ns: float) -> float:
    """Nanoseconds that its operations take; 0 where their number is unknown."""
    return extent(problem.operations, workload.extents) / operations_per_ns if problem.operations else 0.0


def bandwidth(size_bytes: int, bytes_per_ns: Mapping[int, float]) -> float:
    """Bytes a nanosecond for data of this size: the best of the sizes from the next smaller one on."""
    below = max((size for size in bytes_per_ns if size <= size_bytes), default=min(bytes_per_ns))
    return max(peak for size, peak in bytes_per_ns.items() if size >= below)
