"""What a definition of FlashInfer-Bench or SOL-ExecBench is called with at one workload. Imports torch.

Random tensors are drawn as those benchmarks do it: normal numbers, small integers, probabilities where an operation
samples. Scalars and stored tensors are what the workload says, and keep the axes that they have.
"""

from __future__ import annotations

import ast
import base64
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

from warploom.errors import ProblemError
from warploom.values.shape import extent

RANGES: dict[torch.dtype, tuple[int, int]] = {torch.int8: (-128, 128)}
"""Integers are drawn from [low, high)."""

OTHER_RANGE = (-1024, 1024)

_COMPARISONS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.LtE: operator.le,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}


class Inputs:
    """Makes the arguments of ``run``, in the definition's order.

    Args:
        definition: as its JSON has it; the reference may be left out.
        workload: as its JSON has it; stored tensors with their content, base64, as ``data``.
        custom: the definition's own function for inputs, where it names one.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        workload: Mapping[str, Any],
        custom: Callable[..., Mapping[str, Any]] | None = None,
    ) -> None:
        self._definition, self._workload, self._custom = definition, workload, custom

    def __call__(self, **axes: int) -> list[Any]:
        """The arguments.

        Args:
            axes: lengths of the variable axes.

        Raises:
            ProblemError: a constraint of the definition does not hold for them, or a stored tensor has others.
        """
        lengths = self._lengths(axes)
        kinds = self._workload["inputs"]
        made: Mapping[str, Any] = {}
        if self._custom is not None and any(one["type"] == "custom" for one in kinds.values()):
            scalars = {name: one["value"] for name, one in kinds.items() if one["type"] == "scalar"}
            made = self._custom({**lengths, **scalars}, torch.empty(()).device)
        return [
            self._value(name, tensor, kinds.get(name, {"type": "random"}), lengths, made)
            for name, tensor in self._definition["inputs"].items()
        ]

    def _lengths(self, axes: Mapping[str, int]) -> dict[str, int]:
        """Every axis; those that are expressions follow from the others."""
        stated = self._definition["axes"]
        lengths = {name: one["value"] for name, one in stated.items() if one["type"] == "const"}
        lengths |= axes
        for name, one in stated.items():
            if one["type"] == "expr":
                # An axis is whole, so that "/" can only be meant to divide without a rest.
                lengths[name] = extent(one["expression"].replace("//", "/").replace("/", "//"), lengths)
        for constraint in self._definition.get("constraints") or ():
            if not _holds(constraint, lengths):
                raise ProblemError(f"the definition asks for {constraint}, which these axes do not keep: {lengths}")
        return lengths

    def _value(
        self,
        name: str,
        tensor: Mapping[str, Any],
        kind: Mapping[str, Any],
        lengths: Mapping[str, int],
        made: Mapping[str, Any],
    ) -> Any:
        dtype = getattr(torch, tensor["dtype"], None)
        if not isinstance(dtype, torch.dtype):
            raise ProblemError(f"input {name!r} is {tensor['dtype']}, which PyTorch here does not know")
        shape = None if tensor["shape"] is None else [extent(str(word), lengths) for word in tensor["shape"]]
        match kind["type"]:
            case "scalar":
                return kind["value"]
            case "custom":
                if name not in made:
                    raise ProblemError(f"input {name!r} is custom, but the definition's own function makes none")
                return made[name]
            case "safetensors":
                if kind["shape"] != shape or kind["dtype"] != tensor["dtype"]:
                    raise ProblemError(
                        f"input {name!r} is stored as {kind['dtype']} {kind['shape']}, wanted is {shape}"
                    )
                values = torch.frombuffer(bytearray(base64.b64decode(kind["data"])), dtype=dtype)
                return values.reshape(kind["shape"]).to(torch.empty(()).device)
            case "random" if shape is None:
                return _random((), dtype, torch.device("cpu")).item()
            case "random":
                values = _random(shape, dtype, torch.empty(()).device)
                sampled = self._definition.get("op_type") == "sampling" and name == "probs"
                return values.softmax(-1) if sampled else values
            case other:
                raise ProblemError(f"input {name!r} is of the unknown kind {other!r}")


def _random(shape: Any, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    if dtype is torch.bool:
        return torch.randint(0, 2, shape, device=device).bool()
    if not dtype.is_floating_point:
        return torch.randint(*RANGES.get(dtype, OTHER_RANGE), shape, dtype=dtype, device=device)
    if dtype.itemsize >= 2:
        return torch.randn(shape, dtype=dtype, device=device)
    return torch.randn(shape, device=device).clamp(-2, 2).to(dtype)


def _holds(constraint: str, lengths: Mapping[str, int]) -> bool:
    """Whether a comparison of axes is true; what speaks of anything else, such as a tensor's content, is let pass."""
    match ast.parse(constraint, mode="eval").body:
        case ast.Compare(left=left, ops=[compare], comparators=[right]) if type(compare) in _COMPARISONS:
            try:
                sides = [extent(ast.unparse(one), lengths) for one in (left, right)]
            except ProblemError:
                return True
            return _COMPARISONS[type(compare)](*sides)
    return True
