"""A program in float64, also where it names a narrower type. Imports torch.

A reference that says ``x.float()`` or ``dtype=torch.bfloat16`` rounds on the way. Here a float64 tensor is never
narrowed to another type of 16 bits and more, so the answer is the one that it would give without that rounding; how
much its own rounding loses is measured by running it plainly. What is written out as a constant in a narrow type keeps
its value, and so does what is rounded to 8 bits or fewer: that is what such a program is about.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_NARROW = (torch.float32, torch.float16, torch.bfloat16)
_NAMED_CASTS = (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16)
_CASTS = (torch.Tensor.to, torch.Tensor.type)
_ROOM: tuple[Callable[..., Any], ...] = (
    torch.empty,
    torch.zeros,
    torch.ones,
    torch.full,
    torch.empty_like,
    torch.zeros_like,
    torch.ones_like,
    torch.full_like,
    torch.empty_strided,
    torch.Tensor.new_empty,
    torch.Tensor.new_zeros,
    torch.Tensor.new_ones,
    torch.Tensor.new_full,
)
"""What makes room for results, or numbers that are the same in every type."""


@contextlib.contextmanager
def in_double() -> Iterator[None]:
    """What a program makes without naming a type is float64, and what is float64 stays so."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Exactly():
            yield
    finally:
        torch.set_default_dtype(before)


class _Exactly(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        wide = bool(args) and _is_wide(args[0])
        if wide and (func in _NAMED_CASTS or (func is torch.Tensor.type_as and _is_narrow(args[1]))):
            return args[0]
        if func in _CASTS and wide:
            args = [args[0], *map(_wider, args[1:])]
            named = {name: _wider(value) for name, value in named.items()}
        elif func in _ROOM or any(_is_wide(one) for one in (*args, *named.values())):
            named = {name: _wider(value) if name in ("dtype", "out_dtype") else value for name, value in named.items()}
        try:
            return func(*args, **named)
        except RuntimeError:
            given = [*args, *named.values()]
            if not (any(_is_wide(one) for one in given) and any(_is_narrow(one) for one in given)):
                raise
            return func(*map(_widened, args), **{name: _widened(value) for name, value in named.items()})


def _is_wide(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype is torch.float64


def _is_narrow(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in _NARROW


def _wider(value: Any) -> Any:
    """float64 in place of a narrower type, or of a tensor that names one."""
    if isinstance(value, str):
        return "torch.DoubleTensor" if value.rpartition(".")[2] in ("FloatTensor", "HalfTensor") else value
    narrow = value in _NARROW if isinstance(value, torch.dtype) else _is_narrow(value)
    return torch.float64 if narrow else value


def _widened(value: Any) -> Any:
    return value.double() if _is_narrow(value) else value
