"""Types and numbers as C++ writes them."""

from __future__ import annotations

import math
import struct

from warploom.errors import ProblemError
from warploom.syntax.cpp.tree import Call, Expression, Name, Number, Unary
from warploom.values.signature import C_TYPES

FLOATS = ("float32", "float64")
_HALVES = ("float16", "bfloat16")


def c_type(dtype: str) -> str:
    """The type of a local.

    Raises:
        ProblemError: there is none that computes as PyTorch does.
    """
    if dtype in _HALVES or dtype not in C_TYPES:
        raise ProblemError(f"tensors of {dtype} cannot be lowered to C++ yet")
    return "bool" if dtype == "bool" else C_TYPES[dtype]


def kept_type(dtype: str) -> str:
    """The type of an element in memory."""
    return "uint8_t" if c_type(dtype) == "bool" else c_type(dtype)


def literal(value: float, dtype: str) -> Expression:
    """A number of this type, in as few digits as give it back."""
    if dtype == "bool":
        return Name("true" if value else "false")
    if dtype not in FLOATS:
        return Number(f"{int(value)}L" if dtype == "int64" else str(int(value)))
    if math.isnan(value):
        return Name("NAN")
    if math.isinf(value):
        return Name("INFINITY") if value > 0 else Unary("-", Name("INFINITY"))
    if dtype == "float64":
        text = repr(float(value))
        return Number(text if "." in text or "e" in text else f"{text}.0")
    return Number(f"{_single(value)}f")


def lowest(dtype: str) -> Expression:
    """What every number of this type is at least."""
    if dtype in FLOATS:
        return Unary("-", Name("INFINITY"))
    return Call(f"std::numeric_limits<{c_type(dtype)}>::lowest", ())


def highest(dtype: str) -> Expression:
    """What every number of this type is at most."""
    return Name("INFINITY") if dtype in FLOATS else Call(f"std::numeric_limits<{c_type(dtype)}>::max", ())


def _single(value: float) -> str:
    """The shortest decimal that is this number in single precision."""

    def rounded(number: float) -> float:
        try:
            return float(struct.unpack("f", struct.pack("f", number))[0])
        except OverflowError:
            return math.copysign(math.inf, number)

    wanted = rounded(value)
    if math.isinf(wanted):
        return "3.4028235e38" if wanted > 0 else "-3.4028235e38"
    text = next(one for digits in range(1, 18) if rounded(float(one := f"{value:.{digits}g}")) == wanted)
    mantissa, mark, exponent = text.partition("e")
    if mark:
        return f"{mantissa}e{int(exponent)}"
    return mantissa if "." in mantissa else f"{mantissa}.0"
