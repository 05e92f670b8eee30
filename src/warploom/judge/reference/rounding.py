"""Lower precision than a problem's own: tensors rounded to it, and the reference with its products in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from warploom.judge.comparison.tolerance import Function

TFLOAT32_BITS = 11
"""Significand of tfloat32, its leading one included."""


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal everywhere, NaN counting as equal to NaN."""
    return bool(((one == other) | ((one != one) & (other != other))).all())


def round_to(tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    """A floating-point tensor rounded to a narrower format and kept in its own; others as they are."""
    if not tensor.is_floating_point():
        return tensor
    if dtype == "tfloat32":
        return round_significand(tensor, TFLOAT32_BITS)
    return tensor.to(getattr(torch, dtype)).to(tensor.dtype)


def round_significand(tensor: torch.Tensor, bits: int) -> torch.Tensor:
    """A float32 tensor rounded to a significand of so many bits (nearest, ties to even), 2 to 23, its range kept."""
    drop = 24 - bits
    stored = tensor.float().contiguous().view(torch.int32)
    half = (1 << (drop - 1)) - 1 + ((stored >> drop) & 1)
    rounded = ((stored + half) & -(1 << drop)).view(torch.float32)
    return torch.where(tensor.isfinite(), rounded, tensor.float()).to(tensor.dtype)


_FACTORS: dict[str, tuple[int, ...]] = {
    "mm": (0, 1),
    "bmm": (0, 1),
    "mv": (0, 1),
    "dot": (0, 1),
    "addmm": (1, 2),
    "addmv": (1, 2),
    "baddbmm": (1, 2),
    "mul": (0, 1),
    "pow": (0,),
    "convolution": (0, 1),
    "_scaled_dot_product_flash_attention_for_cpu": (0, 1, 2),
}
"""Operations that multiply, and which of their arguments are factors."""


class _NarrowFactors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Rounds the factors of every product; sums stay as they are, as on matrix units."""

    def __init__(self, dtype: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._dtype = dtype
        self.changed = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        factors = _FACTORS.get(func.overloadpacket.__name__, ())
        given = list(args)
        for index in factors:
            if isinstance(given[index], torch.Tensor):
                given[index] = round_to(args[index], self._dtype)
                self.changed = self.changed or not same(given[index], args[index])
        return func(*given, **(kwargs or {}))


def rounded_products(
    function: Function, tensors: Sequence[torch.Tensor], dtype: str
) -> tuple[torch.Tensor, ...] | None:
    """The reference with the factors of every product rounded; None when no product has one that rounding changes."""
    with _NarrowFactors(dtype) as mode:
        found = function(*tensors)
    return found if mode.changed else None
