"""A tensor of a problem: shape, dtype, and what its elements may be."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from warploom.errors import ProblemError
from warploom.values.shape import extent, extents

ITEM_BYTES: dict[str, int] = {
    "float32": 4,
    "float64": 8,
    "float16": 2,
    "bfloat16": 2,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "bool": 1,
}

FLOATS: tuple[str, ...] = ("float32", "float64", "float16", "bfloat16")


def is_number(value: object) -> bool:
    """Whether it is a finite number, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


@dataclass(frozen=True)
class Tensor:
    """One named tensor.

    Attributes:
        shape: words of axis names, integers or expressions, see :mod:`warploom.values.shape`.
        dtype: one of :data:`ITEM_BYTES`.
        low: smallest value for integer tensors, inclusive: an integer or an axis expression.
        high: largest value for integer tensors, exclusive: an integer or an axis expression.
        scale: factor on drawn floating-point values (weights of a deep sum want a small one).
        positive: draw absolute values (variances, probabilities).
    """

    shape: str
    dtype: str = "float32"
    low: int | str | None = None
    high: int | str | None = None
    scale: float = 1.0
    positive: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.dtype, str) or self.dtype not in ITEM_BYTES:
            raise ProblemError(f"dtype {self.dtype!r} is unknown; known: {', '.join(ITEM_BYTES)}")
        if not isinstance(self.shape, str):
            raise ProblemError(f"a shape is a text such as 'rows cols', not {self.shape!r}")
        for name, bound in (("low", self.low), ("high", self.high)):
            if bound is not None and type(bound) not in (int, str):
                raise ProblemError(f"{name} must be a whole number or an axis expression, not {bound!r}")
        bounds = [name for name in ("low", "high") if getattr(self, name) is not None]
        if bounds and self.dtype in FLOATS:
            raise ProblemError(
                f"{' and '.join(bounds)}: for integer tensors, not for {self.dtype}, whose values a workload's recipe "
                "draws; use scale=… and positive=True there"
            )
        if not is_number(self.scale):
            raise ProblemError(f"scale must be a finite number, not {self.scale!r}")
        if not isinstance(self.positive, bool):
            raise ProblemError(f"positive must be True or False, not {self.positive!r}")

    def size_bytes(self, axes: Mapping[str, int]) -> int:
        """Bytes of the dense tensor at these axes."""
        count = 1
        for length in extents(self.shape, axes):
            count *= length
        return count * ITEM_BYTES[self.dtype]

    def check_bounds(self, axes: Mapping[str, int]) -> None:
        """Whether ``low`` and ``high`` can be read, and lie within the dtype, at these axes.

        Raises:
            ProblemError: they cannot, or do not.
        """
        bits = 8 * ITEM_BYTES[self.dtype]
        least, most = (0, 1 << bits) if self.dtype in ("uint8", "bool") else (-1 << (bits - 1), 1 << (bits - 1))
        for name, bound in (("low", self.low), ("high", self.high)):
            if bound is not None and not least <= extent(str(bound), axes) <= most:
                raise ProblemError(f"{name} = {bound!r} lies outside of {self.dtype}")
        if self.low is None or self.high is None:
            return
        low, high = extent(str(self.low), axes), extent(str(self.high), axes)
        if low > high or (low == high and {type(self.low), type(self.high)} == {int}):
            at = "" if {type(self.low), type(self.high)} == {int} else f" where {low} is not below {high}"
            raise ProblemError(
                f"no number lies from low = {self.low!r} to below high = {self.high!r}{at}; "
                "high is one more than the largest value"
            )
