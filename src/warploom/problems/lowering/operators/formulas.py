"""What pointwise operators compute, as formulas in C++.

``a``, ``b``, ``c`` stand for the arguments in the order of the operator's schema, numbers for numbers of the type that
is computed in. Formulas are those of PyTorch's documentation; the larger of two is NaN when the first is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from warploom.problems.lowering.arithmetic import occurrences, operations
from warploom.problems.lowering.literal import literal
from warploom.problems.lowering.operator import Scope
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.tree import Expression, Name, Number, Return
from warploom.syntax.cpp.walk import map_expression

FORMULAS: Mapping[str, tuple[str, str]] = {
    "abs": ("self", "std::abs(a)"),
    "acos": ("self", "std::acos(a)"),
    "acosh": ("self", "std::acosh(a)"),
    "asin": ("self", "std::asin(a)"),
    "asinh": ("self", "std::asinh(a)"),
    "atan": ("self", "std::atan(a)"),
    "atanh": ("self", "std::atanh(a)"),
    "atan2": ("self other", "std::atan2(a, b)"),
    "ceil": ("self", "std::ceil(a)"),
    "cos": ("self", "std::cos(a)"),
    "cosh": ("self", "std::cosh(a)"),
    "erf": ("self", "std::erf(a)"),
    "erfc": ("self", "std::erfc(a)"),
    "exp": ("self", "std::exp(a)"),
    "exp2": ("self", "std::exp2(a)"),
    "expm1": ("self", "std::expm1(a)"),
    "floor": ("self", "std::floor(a)"),
    "fmod": ("self other", "std::fmod(a, b)"),
    "fmax": ("self other", "std::fmax(a, b)"),
    "fmin": ("self other", "std::fmin(a, b)"),
    "frac": ("self", "a - std::trunc(a)"),
    "hypot": ("self other", "std::hypot(a, b)"),
    "lgamma": ("self", "std::lgamma(a)"),
    "log": ("self", "std::log(a)"),
    "log10": ("self", "std::log10(a)"),
    "log1p": ("self", "std::log1p(a)"),
    "log2": ("self", "std::log2(a)"),
    "maximum": ("self other", "a != a ? a : (b != b ? b : std::max(a, b))"),
    "minimum": ("self other", "a != a ? a : (b != b ? b : std::min(a, b))"),
    "neg": ("self", "-a"),
    "reciprocal": ("self", "1 / a"),
    "relu": ("self", "std::max(a, 0)"),
    "relu6": ("self", "std::min(std::max(a, 0), 6)"),
    "round": ("self", "std::nearbyint(a)"),
    "rsqrt": ("self", "1 / std::sqrt(a)"),
    "sigmoid": ("self", "1 / (1 + std::exp(-a))"),
    "sign": ("self", "(a > 0) - (a < 0)"),
    "sin": ("self", "std::sin(a)"),
    "sinh": ("self", "std::sinh(a)"),
    "sqrt": ("self", "std::sqrt(a)"),
    "square": ("self", "a * a"),
    "tan": ("self", "std::tan(a)"),
    "tanh": ("self", "std::tanh(a)"),
    "trunc": ("self", "std::trunc(a)"),
    "mul": ("self other", "a * b"),
    "hardtanh": ("self min_val max_val", "std::min(std::max(a, b), c)"),
    "leaky_relu": ("self negative_slope", "a > 0 ? a : a * b"),
    "logical_and": ("self other", "a && b"),
    "logical_not": ("self", "!a"),
    "logical_or": ("self other", "a || b"),
    "logical_xor": ("self other", "(a != 0) != (b != 0)"),
    "isnan": ("self", "std::isnan(a)"),
    "isinf": ("self", "std::isinf(a)"),
}
"""Operator → names of its arguments, and the formula of an element."""

COMPARISONS: Mapping[str, str] = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
BITS: Mapping[str, str] = {
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
    "__and__": "&",
    "__or__": "|",
    "__xor__": "^",
    "bitwise_left_shift": "<<",
    "bitwise_right_shift": ">>",
}


def apply(kernel: Scope, text: str, values: Sequence[Expression], dtype: str) -> Expression:
    """A formula with these arguments; what is mentioned more than once is given a name."""
    formula = _formula(text)
    bound = dict(zip("abcdef", values, strict=False))
    for name, value in bound.items():
        if occurrences(formula, name) > 1 and operations(value):
            bound[name] = kernel.bind(value, dtype, "value")

    def change(part: Expression) -> Expression:
        match part:
            case Name(text) if text in bound:
                return bound[text]
            case Number(text) if "f" not in text:
                return literal(float(text), dtype)
            case _:
                return part

    return map_expression(formula, change)


@cache
def _formula(text: str) -> Expression:
    (statement,) = parse(f"float f() {{ return {text}; }}").functions[0].body
    assert isinstance(statement, Return)
    assert statement.value is not None
    return statement.value
