"""The arguments of a call in the kernel's calling order."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.values.problem import Problem, Workload


def arguments(
    inputs: Sequence[int], outputs: Sequence[int], problem: Problem, workload: Workload
) -> tuple[tuple[str, int], ...]:
    """Inputs, outputs, axes: ("input" | "output", byte offset) and ("axis", value), as the signature orders them."""
    axes = workload.extents
    return (
        *(("input", offset) for offset in inputs),
        *(("output", offset) for offset in outputs),
        *(("axis", axes[name]) for name in problem.axes),
    )
