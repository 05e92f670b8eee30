"""What may be put into a program's tensors, found out by calling it at a small setting. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.caller import Caller, kind, same
from warploom.problems.importers.instance import Instance
from warploom.values.problem import Tensor

RECIPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "normal": lambda values: values,
    "offset": lambda values: values + 100,
    "wide": lambda values: values * 10.0 ** (6 * torch.rand_like(values) - 3),
    "large": lambda values: values * 1e3,
    "spikes": lambda values: torch.where(torch.rand_like(values) < 0.01, 1e3 * values, values),
    "tiny": lambda values: values * 1e-3,
}
"""Recipe of a workload → what it makes of normal numbers, as :mod:`warploom.judge.content.inputs` does it."""

NEAR_ONE = 4.0
"""Own values within such a factor of unit size are drawn with unit size."""

NEARLY_ALL = 0.95

OWN_SEEDS = (101, 102, 103)
"""From these it is seen what a program's own generator draws."""


def own_draws(make: Callable[[int], Instance], caller: Caller) -> list[list[torch.Tensor]]:
    """What the program draws from other seeds; [] where that is always the same, or not of the same shapes and types.

    Args:
        make: the program at the caller's setting, built with a seed.
        caller: the program as it is written.
    """
    first = caller.tensors()
    found = [make(seed).begin(caller.state, caller.room) for seed in OWN_SEEDS]
    for drawn in found:
        if [(one.dtype, one.shape) for one in drawn] != [(one.dtype, one.shape) for one in first]:
            return []
    changing = any(not same(one, other) for one, other in zip(found[0], found[1], strict=True))
    return found if changing else []


def tensor_of(
    name: str,
    shape: str,
    drawn: Sequence[torch.Tensor],
    axes: Mapping[str, Sequence[int]],
    again: Sequence[torch.Tensor] = (),
) -> Tensor:
    """The tensor as a problem names it.

    Args:
        name: for messages.
        shape: its symbolic shape.
        drawn: as the program drew it, one a setting; the first setting is the timed one.
        axes: axis → length at every setting.
        again: as it was drawn from other seeds at the last setting.
    """
    dtype = kind(drawn[0], name)
    if drawn[0].is_floating_point():
        return Tensor(shape, dtype, scale=_size(drawn[0]), positive=name.endswith("running_var"))
    if dtype == "bool":
        return Tensor(shape, dtype)
    low = min(int(one.min()) for one in (*drawn, *again))
    tops = [int(one.max()) + 1 for one in drawn]
    tops[-1] = max(tops[-1], *(int(one.max()) + 1 for one in again)) if again else tops[-1]
    for axis, lengths in axes.items():
        if NEARLY_ALL * lengths[0] <= tops[0] and all(top <= most for top, most in zip(tops, lengths, strict=True)):
            return Tensor(shape, dtype, low=low, high=axis)
    return Tensor(shape, dtype, low=low, high=max(tops))


def accepted(
    caller: Caller, tensors: Sequence[Tensor], again: Sequence[Sequence[torch.Tensor]], ours: bool = True
) -> tuple[list[Tensor], list[str]]:
    """The tensors, positive ones where the reference needs that, and the recipes that it accepts.

    A draw is accepted when everything that comes out is finite, in the program's own type and in float64. Where our
    numbers are not, the program's own generator is all there is.

    Args:
        caller: the program.
        tensors: its inputs.
        again: what its own generator draws, see :func:`own_draws`.
        ours: whether our numbers may be tried at all.

    Raises:
        ProblemError: the reference does not give finite results on its own arguments, or on any that can be drawn.
    """
    own = caller.tensors()
    if not _finite(caller, own):
        raise ProblemError("the reference gives NaN or infinities on its own arguments")
    generated = ["own"] if again and all(_finite(caller, drawn) for drawn in again) else []
    recipes = RECIPES if any(one.is_floating_point() for one in own) else ("normal",)  # integers know no magnitudes
    for chosen in (list(tensors), _positive(tensors, own)) if ours else ():
        found = [recipe for recipe in recipes if _finite(caller, _draw(chosen, own, recipe))]
        if found[:1] == ["normal"]:
            return chosen, ["normal", *generated, *found[1:]]
    if generated:
        return list(tensors), generated
    raise ProblemError(
        "the reference gives NaN or infinities on normally distributed values, and on their absolute values, and its "
        "own generator draws nothing else from another seed"
    )


def _positive(tensors: Sequence[Tensor], own: Sequence[torch.Tensor]) -> list[Tensor]:
    """The tensors, those positive that the program draws so."""
    signed = [one.is_floating_point() and float(one.min()) < 0 for one in own]
    return [
        one if below else replace(one, positive=one.dtype in _FLOATS)
        for one, below in zip(tensors, signed, strict=True)
    ]


_FLOATS = ("float32", "float64", "float16", "bfloat16")


def _draw(tensors: Sequence[Tensor], own: Sequence[torch.Tensor], recipe: str) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    found = []
    for tensor, example in zip(tensors, own, strict=True):
        if not example.is_floating_point():
            low, high = int(example.min()), int(example.max()) + 1
            found.append(torch.randint(low, high, example.shape, generator=generator).to(example.dtype))
            continue
        values = RECIPES[recipe](torch.randn(example.shape, generator=generator))
        values = values.abs() if tensor.positive else values
        found.append((values * tensor.scale).to(example.dtype))
    return found


def _finite(caller: Caller, tensors: Sequence[torch.Tensor]) -> bool:
    try:
        results = [*caller.plain(tensors), *caller.exact(tensors)]
    except (RuntimeError, ValueError, IndexError, ArithmeticError):
        return False
    return all(bool(one.isfinite().all()) for one in results)


def _size(values: torch.Tensor) -> float:
    """Root mean square, to two digits; 1 where it is near, zero or not finite."""
    size = float(values.double().square().mean().sqrt())
    if not math.isfinite(size) or size == 0 or 1 / NEAR_ONE <= size <= NEAR_ONE:
        return 1.0
    return float(f"{size:.2g}")
