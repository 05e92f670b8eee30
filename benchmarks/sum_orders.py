"""Other orders of the same work: axes of the inputs permuted where the reference does not care."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from warploom.judge.comparison.tolerance import Function
from warploom.judge.content.inputs import draw
from warploom.values.problem import Problem, Workload
from warploom.values.shape import extents

SYMMETRY = 1e-9
"""Two float64 results that agree to this share of the largest element differ by rounding alone."""

Plain = Callable[[Sequence[torch.Tensor], Workload], torch.Tensor | None]
Reordered = tuple[str, list[torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]
"""A title, permuted inputs, and what puts the output back into its place."""


def orders(
    problem: Problem,
    function: Function,
    tensors: Sequence[torch.Tensor],
    workload: Workload,
    axes: Sequence[str],
    rng: np.random.Generator,
    check: bool = True,
) -> list[Reordered]:
    """Other orders of the same work.

    An axis qualifies when permuting it in every tensor is a symmetry of the reference in float64; without ``check`` it
    is taken for one.
    """
    found: list[Reordered] = []
    exact = function(*_wide(tensors))[0] if check else torch.zeros(1)
    if not bool(exact.isfinite().all()):
        return []
    for axis in axes:
        length = workload.extents[axis]
        if length < 3 or not any(axis in tensor.shape.split() for tensor in problem.inputs.values()):
            continue
        reverse = torch.arange(length - 1, -1, -1)
        shuffle = torch.from_numpy(rng.permutation(length))
        for title, order in (("reversed", reverse), ("in random order", shuffle)):
            inputs = [
                _along(tensor, spec.shape, axis, order)
                for tensor, spec in zip(tensors, problem.inputs.values(), strict=True)
            ]
            (output,) = problem.outputs.values()
            put_back = partial(_along, shape=output.shape, axis=axis, order=torch.argsort(order))
            if check:
                moved = put_back(function(*_wide(inputs))[0])
                if float((moved - exact).abs().max()) > SYMMETRY * float(exact.abs().max()):
                    break  # not a symmetry: an order that counts
            found.append((f"{axis} {title}", inputs, put_back))
    return found


def summed_axes(problem: Problem, function: Function, kernel: Plain, rng: np.random.Generator) -> list[str]:
    """Axes whose order changes some bit of a kernel's answer: others only name rows that are computed one by one."""
    found = []
    for axis in problem.axes:
        for workload in problem.held_out:
            tensors = drawn(problem, workload, rng)
            answer = kernel(tensors, workload)
            for _, inputs, put_back in orders(problem, function, tensors, workload, [axis], rng):
                other = kernel(inputs, workload)
                if answer is not None and other is not None and not torch.equal(put_back(other), answer):
                    found.append(axis)
                    break
            if axis in found:
                break
    return found


def _along(tensor: torch.Tensor, shape: str, axis: str, order: torch.Tensor) -> torch.Tensor:
    for dimension, word in enumerate(shape.split()):
        if word == axis:
            tensor = tensor.index_select(dimension, order)
    return tensor


def _wide(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]


def drawn(problem: Problem, workload: Workload, rng: np.random.Generator) -> list[torch.Tensor]:
    found = []
    for tensor in problem.inputs.values():
        shape = extents(tensor.shape, workload.extents)
        found.append(
            torch.from_numpy(draw(tensor, workload.recipe, math.prod(shape), workload.extents, rng)).view(shape)
        )
    return found
