"""Computes pretenders: wrong answers made by a rule. Runs in the reference process.

A rule takes a :class:`Scene` and its own arguments and gives every output, in the problem's dtypes. It may know more
than a kernel could: another answer, the mean of the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from warploom.judge.comparison.tolerance import Function, moved
from warploom.judge.reference.repeat import varies
from warploom.judge.reference.rounding import round_to, rounded_products, same
from warploom.values.problem import Problem, Workload

BELOW_FLOAT32 = 2.0**-40
"""A relative change that float64 sees and float32 does not."""

Answer = tuple[torch.Tensor, ...]


class Absent(Exception):  # noqa: N818 - reads as what happened
    """The rule changes nothing here, or cannot be followed; says why."""


@dataclass(frozen=True)
class Scene:
    """One call, and what a pretender may know of it.

    Attributes:
        problem: whose checks are to be fooled.
        workload: of the call.
        function: the reference.
        tensors: the inputs.
        others: the inputs of another call of the same workload.
    """

    problem: Problem
    workload: Workload
    function: Function
    tensors: Sequence[torch.Tensor]
    others: Sequence[torch.Tensor]

    @cached_property
    def right(self) -> Answer:
        """The answer of the reference."""
        return self.function(*self.tensors)

    @cached_property
    def other(self) -> Answer:
        """The answer to the other call."""
        return self.function(*self.others)

    def with_input(self, name: str, tensor: torch.Tensor) -> Answer:
        """The answer where one input is another."""
        changed = [tensor if own == name else kept for own, kept in self._named()]
        if all(same(now, before) for now, before in zip(changed, self.tensors, strict=True)):
            raise Absent(f"it changes nothing in {name}")
        return self.function(*changed)

    def input(self, name: str) -> torch.Tensor:
        """An input by its name."""
        return dict(self._named())[name]

    def _named(self) -> list[tuple[str, torch.Tensor]]:
        return list(zip(self.problem.inputs, self.tensors, strict=True))


# ------------------------------------------------------------ the rules


def _zero(scene: Scene) -> Answer:
    return tuple(torch.zeros_like(output) for output in scene.right)


def _constant(scene: Scene) -> Answer:
    middles = [float(output.double().min() + output.double().max()) / 2 for output in scene.other]
    return tuple(torch.full_like(output, middle) for output, middle in zip(scene.right, middles, strict=True))


def _mean(scene: Scene) -> Answer:
    return tuple(_mean_of(own, other) for own, other in zip(scene.right, scene.other, strict=True))


def _mean_of(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    known = other if own.numel() == 1 else own
    rows = known.dim() > 0 and known.shape[-1] > 1
    mean = known.double().mean(dim=-1, keepdim=True) if rows else known.double().mean()
    return mean.to(own.dtype).expand(own.shape)


def _replayed(scene: Scene) -> Answer:
    if all(same(one, other) for one, other in zip(scene.tensors, scene.others, strict=True)):
        raise Absent("all inputs of this workload are the same")
    return scene.other


def _stale(scene: Scene, name: str) -> Answer:
    return scene.with_input(name, scene.others[list(scene.problem.inputs).index(name)])


def _copied(scene: Scene, name: str) -> Answer:
    flat = scene.input(name).reshape(-1)
    return tuple(
        flat.repeat(-(-output.numel() // flat.numel()))[: output.numel()].view(output.shape).to(output.dtype)
        for output in scene.right
    )


def _rounded(scene: Scene, what: str, dtype: str) -> Answer:
    if what == "outputs":
        return tuple(round_to(output, dtype) for output in scene.right)
    if what == "products":
        found = rounded_products(scene.function, scene.tensors, dtype)
        if found is None:
            raise Absent("no product has a factor that rounding changes")
        return found
    rounded = [round_to(tensor, dtype) for tensor in scene.tensors]
    if all(same(now, before) for now, before in zip(rounded, scene.tensors, strict=True)):
        raise Absent(f"the inputs are {dtype} numbers already")
    if what == "inputs":
        return scene.function(*rounded)
    narrow = [tensor.to(getattr(torch, dtype)) if tensor.is_floating_point() else tensor for tensor in rounded]
    try:
        answer = scene.function(*narrow)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise Absent(f"PyTorch cannot: {' '.join(str(error).split())[:200]}") from None
    return tuple(own.to(output.dtype) for own, output in zip(answer, scene.right, strict=True))


def _tail(scene: Scene, name: str, axis: int, share: float) -> Answer:
    tensor = scene.input(name).clone()
    length = tensor.shape[axis]
    if length == 1:
        raise Absent(f"{name} has a single element along this axis")
    skipped = tensor.narrow(axis, length - max(1, round(share * length)), max(1, round(share * length)))
    skipped.fill_(0) if tensor.is_floating_point() else skipped.fill_(tensor.flatten()[0])
    return scene.with_input(name, tensor)


def _rows(scene: Scene, every: int) -> Answer:
    answers = []
    for output in scene.right:
        rows = output.clone().view(-1, output.shape[-1] if output.dim() else 1)
        rows[min(every, rows.shape[0]) - 1 :: every] = 0
        answers.append(rows.view(output.shape))
    return tuple(answers)


def _only(scene: Scene, right: bool) -> Answer:
    return scene.right if right else _zero(scene)


def _timed_only(scene: Scene) -> Answer:
    return _only(scene, scene.workload in scene.problem.workloads)


def _even_only(scene: Scene, multiple: int) -> Answer:
    even = all(length % multiple == 0 for length in scene.workload.extents.values())
    return _only(scene, even or scene.workload in scene.problem.workloads)


def _recipes_only(scene: Scene) -> Answer:
    return _only(scene, scene.workload.recipe in {workload.recipe for workload in scene.problem.workloads})


RULES: Mapping[str, Callable[..., Answer]] = {
    "zero": _zero,
    "constant": _constant,
    "mean": _mean,
    "replayed": _replayed,
    "stale": _stale,
    "copied": _copied,
    "rounded": _rounded,
    "tail": _tail,
    "rows": _rows,
    "timed_only": _timed_only,
    "even_only": _even_only,
    "recipes_only": _recipes_only,
}


def pretend(scene: Scene, rule: str, arguments: Sequence[Any]) -> Answer:
    """The outputs a pretender gives.

    Raises:
        Absent: it has nothing to give here.
    """
    return RULES[rule](scene, *arguments)


# ------------------------------------------------------------ the problem as such


def examine(scene: Scene) -> dict[str, Any]:
    """What can be said of the reference at this workload.

    Returns:
        ``repeats``: two calls agree, see :func:`.repeat.varies`; ``not_finite``: how many elements of the outputs are
        not, of ``elements``; ``narrow``: "" when a call in float64 is one, else why it is not.
    """
    return {
        "repeats": not varies(scene.function, scene.tensors, scene.problem.outputs),
        "not_finite": sum(int((~output.isfinite()).sum()) for output in scene.right if output.is_floating_point()),
        "elements": sum(output.numel() for output in scene.right),
        "narrow": _narrow(scene),
    }


def _narrow(scene: Scene) -> str:
    if not any(tensor.is_floating_point() for tensor in scene.tensors):
        return ""
    wide = [tensor.double() if tensor.is_floating_point() else tensor for tensor in scene.tensors]
    exact = scene.function(*wide)
    for name, wanted, output in zip(scene.problem.outputs, scene.right, exact, strict=True):
        if wanted.is_floating_point() and output.dtype != torch.float64:
            return f"output {name!r} of float64 inputs is {str(output.dtype).removeprefix('torch.')}"
    floats = [index for index, output in enumerate(exact) if output.is_floating_point()]
    generator = torch.Generator().manual_seed(0)
    nudged = scene.function(*(moved(tensor, BELOW_FLOAT32, generator) for tensor in wide))
    if floats and all(same(exact[index], nudged[index]) for index in floats):
        return "a change of the inputs that only float64 can hold changes nothing"
    return ""
