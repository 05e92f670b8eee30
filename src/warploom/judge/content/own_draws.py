"""Inputs from a problem's own generator. Runs in the reference process.

A reference that has a method ``own_inputs(shapes, seed)`` can draw: it returns a tensor an input, in order. Imported
problems have it, see :class:`warploom.problems.importers.foreign.Foreign`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from warploom.errors import WrongReference
from warploom.judge.content.inputs import integer_range
from warploom.values.problem import FLOATS, Problem
from warploom.values.shape import extents

ATTEMPTS = 16
"""Seeds that are tried until every integer lies in the range that the problem promises."""


def draw(problem: Problem, axes: Mapping[str, int], seed: int) -> list[torch.Tensor]:
    """A tensor an input, in order.

    Raises:
        WrongReference: the reference draws nothing, or something other than the problem says.
    """
    own = getattr(problem.reference, "own_inputs", None)
    if own is None:
        raise WrongReference(
            "the recipe 'own' needs a reference that draws its inputs: a method own_inputs(shapes, seed)"
        )
    shapes = tuple(extents(tensor.shape, axes) for tensor in problem.inputs.values())
    for attempt in range(ATTEMPTS):
        drawn = list(own(shapes, seed + attempt))
        _check(drawn, shapes, problem)
        if _in_range(drawn, problem, axes):
            return drawn
    raise WrongReference(f"its generator drew {ATTEMPTS} times integers outside of the range that the problem promises")


def _check(drawn: list[torch.Tensor], shapes: tuple[tuple[int, ...], ...], problem: Problem) -> None:
    if len(drawn) != len(shapes):
        raise WrongReference(f"its generator draws {len(drawn)} tensors, the problem has {len(shapes)} inputs")
    for one, shape, (name, tensor) in zip(drawn, shapes, problem.inputs.items(), strict=True):
        kind = str(one.dtype).removeprefix("torch.")
        if kind != tensor.dtype or tuple(one.shape) != shape:
            raise WrongReference(
                f"its generator draws {kind} {tuple(one.shape)} for {name!r}, not {tensor.dtype} {shape}"
            )


def _in_range(drawn: list[torch.Tensor], problem: Problem, axes: Mapping[str, int]) -> bool:
    for one, tensor in zip(drawn, problem.inputs.values(), strict=True):
        if tensor.dtype not in FLOATS and one.numel():
            low, high = integer_range(tensor, axes)
            if int(one.min()) < low or int(one.max()) >= high:
                return False
    return True
