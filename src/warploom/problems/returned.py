"""What a reference returns, held against what its problem declares. For processes that run the reference."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import warploom
from warploom.errors import WrongReference
from warploom.values.problem import Problem, Tensor
from warploom.values.shape import extents

OURS = Path(warploom.__file__).parent
MOST_SAID = 600


def as_tuple(returned: Any) -> tuple[Any, ...]:
    """The outputs, always as a tuple."""
    return tuple(returned) if isinstance(returned, tuple | list) else (returned,)


def guarded(reference: Callable[..., Any], problem: Problem) -> Callable[..., tuple[torch.Tensor, ...]]:
    """The reference with its outputs as a tuple; when it raises, that is told as the problem's mistake."""
    declared = [tensor.dtype for tensor in problem.inputs.values()]

    def call(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        try:
            return as_tuple(reference(*arguments))
        except Exception as error:
            said = f"the reference raises {described(error)}"
            if [_dtype(one) for one in arguments] == declared:
                raise WrongReference(f"{said}; it has to take every workload of the problem") from error
            mend = "take dtypes from the inputs, as in dtype=x.dtype"
            raise WrongReference(f"{said}, with its inputs in float64 for the exact answer; {mend}") from error

    return call


def described(error: Exception) -> str:
    """Kind, words and place of an exception of foreign code, in a line; the place is in a file that is not ours."""
    said = " ".join(str(error).split())[:MOST_SAID]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _theirs(Path(frame.filename))]
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if said else ''}{said}{place}"


def check_returned(outputs: Sequence[Any], problem: Problem, axes: Mapping[str, int]) -> None:
    """Whether the outputs of the reference are those that the problem declares, at these axes.

    Raises:
        WrongReference: they are not; what was returned, what is declared, and how to mend it.
    """
    declared = ", ".join(f"{name} {_declared(tensor, axes)}" for name, tensor in problem.outputs.items())
    at = f" at {','.join(f'{name}={length}' for name, length in axes.items())}" if axes else ""
    wanted = f"outputs declares {declared}{at}"
    odd = next((one for one in outputs if not isinstance(one, torch.Tensor)), None)
    if any(not isinstance(one, torch.Tensor) for one in outputs):
        found = _called(odd) if len(outputs) == 1 else f"{_called(odd)} among {len(outputs)} outputs"
        raise WrongReference(f"the reference returns {found}, and {wanted}; {_mend(odd)}")
    if len(outputs) != len(problem.outputs):
        many = f"{len(outputs)} tensor{'' if len(outputs) == 1 else 's'}"
        mend = "return one tensor for each output, in this order, or mend outputs"
        raise WrongReference(f"the reference returns {many}, and {wanted}; {mend}")
    for output, (name, tensor) in zip(outputs, problem.outputs.items(), strict=True):
        right_dtype, right_shape = _dtype(output) == tensor.dtype, tuple(output.shape) == extents(tensor.shape, axes)
        if right_dtype and right_shape:
            continue
        mend = (
            f"mend the {'dtype' if right_shape else 'shape' if right_dtype else 'shape and dtype'} of {name} in outputs"
        )
        mend += f", or return it as .to(torch.{tensor.dtype})" if right_shape else ", or the reference"
        found = f"{_dtype(output)} {list(output.shape)} for {name}"
        raise WrongReference(
            f"the reference returns {found}, and outputs declares {_declared(tensor, axes)}{at}; {mend}"
        )


def _declared(tensor: Tensor, axes: Mapping[str, int]) -> str:
    return f"{tensor.dtype} {list(extents(tensor.shape, axes))}"


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _called(value: Any) -> str:
    """A value that is no tensor, for people."""
    if value is None:
        return "None"
    if isinstance(value, Mapping):
        return f"a dictionary with the keys {', '.join(map(repr, list(value)[:5]))}"
    return f"a {type(value).__name__} ({str(value)[:40]!r})"


def _mend(value: Any) -> str:
    if value is None:
        return "does it lack a return?"
    if isinstance(value, Mapping):
        return "return the tensors alone, as a tuple in this order"
    if isinstance(value, bool | int | float):
        return "return a tensor, as in torch.full(shape, value)"
    return "return tensors, in this order"


def _theirs(path: Path) -> bool:
    """Whether a file is the user's own: neither ours nor of a package that is installed."""
    return "site-packages" not in path.parts and (not path.is_relative_to(OURS) or path.name == "problem.py")
