"""Operators that compute each element from elements at the same place."""

from __future__ import annotations

from warploom.problems.lowering.fit import Real
from warploom.problems.lowering.graph import Argument, Node
from warploom.problems.lowering.literal import FLOATS, c_type, literal
from warploom.problems.lowering.operator import Indices, Operator, Scope
from warploom.problems.lowering.operators.elements import argument, cast, kind_of
from warploom.problems.lowering.operators.formulas import BITS, COMPARISONS, FORMULAS, apply
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Binary, Call, Cast, Expression, Number, Ternary


def _by_formula(names: str, text: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        listed = [node.arguments[name] for name in names.split()]
        kinds = [kind_of(kernel, one, node.dtype) for one in listed]
        # What compares computes in its arguments' type; all else in the result's.
        inner = node.dtype if node.dtype != "bool" else next((one for one in kinds if one != "bool"), "bool")
        values = [
            _widened(argument(kernel, node, one, indices, inner), kind, inner)
            for one, kind in zip(listed, kinds, strict=True)
        ]
        return apply(kernel, text if kernel.careful else _CARELESS.get(node.base, text), values, inner)

    return Operator(value, cost=4 if "(" in text.replace("std::max", "").replace("std::min", "") else 1)


_CARELESS = {"maximum": "std::max(a, b)", "minimum": "std::min(a, b)"}
"""Where no input holds a NaN."""


def _widened(value: Expression, kind: str, wanted: str) -> Expression:
    """Integers among floats as floats, for ``std::`` functions that take two of a kind."""
    return Cast(c_type(wanted), value) if kind != wanted and wanted in FLOATS else value


def _add(sign: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        left = argument(kernel, node, node.arguments["self"], indices, node.dtype)
        right = argument(kernel, node, node.arguments["other"], indices, node.dtype)
        alpha = node.arguments.get("alpha")
        if alpha is not None and not (isinstance(alpha, Whole) and alpha.constant == 1):
            right = Binary("*", argument(kernel, node, alpha, indices, node.dtype), right)
        return Binary(sign, left, right)

    return Operator(value)


def _rsub(kernel: Scope, node: Node, indices: Indices) -> Expression:
    left = argument(kernel, node, node.arguments["other"], indices, node.dtype)
    return Binary("-", left, argument(kernel, node, node.arguments["self"], indices, node.dtype))


def _div(kernel: Scope, node: Node, indices: Indices) -> Expression:
    sides = [node.arguments["self"], node.arguments["other"]]
    left, right = (argument(kernel, node, one, indices, node.dtype) for one in sides)
    kinds = [kind_of(kernel, one, node.dtype) for one in sides]
    left, right = (_widened(one, kind, node.dtype) for one, kind in zip((left, right), kinds, strict=True))
    rounding = node.arguments.get("rounding_mode")
    if rounding is None:
        return Binary("/", left, right)
    if node.dtype in FLOATS:
        return Call(f"std::{rounding}", (Binary("/", left, right),))
    return Binary("/", left, right) if rounding == "trunc" else apply(kernel, _FLOORED, [left, right], node.dtype)


_FLOORED = "a / b - ((a % b != 0) && ((a < 0) != (b < 0)))"


def _floor_divide(kernel: Scope, node: Node, indices: Indices) -> Expression:
    left, right = (argument(kernel, node, node.arguments[one], indices, node.dtype) for one in ("self", "other"))
    text = "std::floor(a / b)" if node.dtype in FLOATS else _FLOORED
    return apply(kernel, text, [left, right], node.dtype)


def _remainder(kernel: Scope, node: Node, indices: Indices) -> Expression:
    left, right = (argument(kernel, node, node.arguments[one], indices, node.dtype) for one in ("self", "other"))
    text = "a - b * std::floor(a / b)" if node.dtype in FLOATS else "(a % b + b) % b"
    return apply(kernel, text, [left, right], node.dtype)


def _pow(kernel: Scope, node: Node, indices: Indices) -> Expression:
    base, exponent = node.arguments["self"], node.arguments["exponent"]
    value = argument(kernel, node, base, indices, node.dtype)
    number = exponent.constant if isinstance(exponent, Whole) else None
    if isinstance(exponent, Real) and exponent.expression is None:
        number = int(exponent.value) if exponent.value.is_integer() else None
        if exponent.value == 0.5:
            return apply(kernel, "std::sqrt(a)", [value], node.dtype)
        if exponent.value == -0.5:
            return apply(kernel, "1 / std::sqrt(a)", [value], node.dtype)
    short = {1: "a", 2: "a * a", 3: "a * a * a", 4: "(a * a) * (a * a)", -1: "1 / a", -2: "1 / (a * a)"}
    if number in short and node.dtype in FLOATS:
        return apply(kernel, short[number], [value], node.dtype)
    other = argument(kernel, node, exponent, indices, node.dtype)
    return Call("std::pow", (value, other))


def _clamp(low: str, high: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        found = argument(kernel, node, node.arguments["self"], indices, node.dtype)
        for name, function in ((low, "std::max"), (high, "std::min")):
            bound = node.arguments.get(name)
            if bound is not None:
                found = Call(function, (found, argument(kernel, node, bound, indices, node.dtype)))
        return found

    return Operator(value)


def _compare(sign: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        sides = [node.arguments["self"], node.arguments["other"]]
        kinds = [kind_of(kernel, one, "") for one in sides]
        floats = [kind for kind in kinds if kind in FLOATS]
        fraction = "float32" if any(isinstance(one, Real) for one in sides) else "int64"
        inner = floats[0] if floats else fraction if "" in kinds and kinds != ["bool", ""] else (kinds[0] or kinds[1])
        left, right = (argument(kernel, node, one, indices, inner) for one in sides)
        return Binary(sign, left, right)

    return Operator(value)


def _bits(sign: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        left, right = (argument(kernel, node, node.arguments[one], indices, node.dtype) for one in ("self", "other"))
        logical = {"&": "&&", "|": "||", "^": "!="}
        return Binary(logical[sign] if node.dtype == "bool" else sign, left, right)

    return Operator(value)


def _bitwise_not(kernel: Scope, node: Node, indices: Indices) -> Expression:
    value = argument(kernel, node, node.arguments["self"], indices, node.dtype)
    return apply(kernel, "!a" if node.dtype == "bool" else "~a", [value], node.dtype)


def _where(kernel: Scope, node: Node, indices: Indices) -> Expression:
    condition = argument(kernel, node, node.arguments["condition"], indices, "bool")
    then, otherwise = (argument(kernel, node, node.arguments[one], indices, node.dtype) for one in ("self", "other"))
    return Ternary(condition, then, otherwise)


def _convert(kernel: Scope, node: Node, indices: Indices) -> Expression:
    name = "self" if "self" in node.arguments else "a"
    source = node.arguments[name]
    return cast(argument(kernel, node, source, indices, node.dtype), kind_of(kernel, source, node.dtype), node.dtype)


def _gelu(kernel: Scope, node: Node, indices: Indices) -> Expression:
    value = argument(kernel, node, node.arguments["self"], indices, node.dtype)
    text = (
        "0.5 * a * (1 + std::tanh(0.7978845608028654 * (a + 0.044715 * a * a * a)))"
        if node.arguments["approximate"] == "tanh"
        else "0.5 * a * (1 + std::erf(a * 0.7071067811865476))"
    )
    return apply(kernel, text, [value], node.dtype)


def _elu(kernel: Scope, node: Node, indices: Indices) -> Expression:
    names = ("self", "alpha", "scale", "input_scale")
    values = [argument(kernel, node, node.arguments[name], indices, node.dtype) for name in names]
    plain = values[2:] == [literal(1.0, node.dtype)] * 2
    text = "a > 0 ? a : b * std::expm1(a)" if plain else "a > 0 ? c * a : c * b * std::expm1(d * a)"
    return apply(kernel, text, values, node.dtype)


def _expand(kernel: Scope, node: Node, indices: Indices) -> Expression:
    return argument(kernel, node, node.arguments["self"], indices, node.dtype)


def _filled(value: Argument) -> Operator:
    def element(kernel: Scope, node: Node, indices: Indices) -> Expression:
        chosen = node.arguments.get("fill_value", node.arguments.get("s", node.arguments.get("value", value)))
        return argument(kernel, node, chosen, indices, node.dtype)

    return Operator(element, view=True, cost=0)


def _copied(kernel: Scope, node: Node, indices: Indices) -> Expression:
    source = node.arguments["src"]
    return cast(argument(kernel, node, source, indices, node.dtype), kind_of(kernel, source, node.dtype), node.dtype)


_ONE = Whole((1,), Number("1"))
_NONE = Whole((0,), Number("0"))

OPERATORS: dict[str, Operator] = {
    **{name: _by_formula(names, text) for name, (names, text) in FORMULAS.items()},
    **{name: _compare(sign) for name, sign in COMPARISONS.items()},
    **{name: _bits(sign) for name, sign in BITS.items()},
    "add": _add("+"),
    "sub": _add("-"),
    "rsub": Operator(_rsub),
    "div": Operator(_div),
    "floor_divide": Operator(_floor_divide),
    "remainder": Operator(_remainder),
    "pow": Operator(_pow, cost=2),
    "clamp": _clamp("min", "max"),
    "clamp_min": _clamp("min", ""),
    "clamp_max": _clamp("", "max"),
    "bitwise_not": Operator(_bitwise_not),
    "where": Operator(_where),
    "_to_copy": Operator(_convert, cost=0),
    "convert_element_type": Operator(_convert, cost=0),
    "gelu": Operator(_gelu, cost=5),
    "elu": Operator(_elu, cost=5),
    "expand": Operator(_expand, view=True, cost=0),
    "copy": Operator(_copied, cost=0),
    "full": _filled(None),
    "full_like": _filled(None),
    "scalar_tensor": _filled(None),
    "fill": _filled(None),
    "ones": _filled(_ONE),
    "ones_like": _filled(_ONE),
    "zeros": _filled(_NONE),
    "zeros_like": _filled(_NONE),
    "empty": _filled(_NONE),
    "empty_like": _filled(_NONE),
    "empty_permuted": _filled(_NONE),
}
