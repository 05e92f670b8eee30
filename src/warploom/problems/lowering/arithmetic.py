"""Index arithmetic on C++ expressions, folded where numbers meet. Divisions are of what is not negative."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.syntax.cpp.tree import Binary, Call, Cast, Expression, Index, Name, Number, Ternary, Unary
from warploom.syntax.cpp.walk import parts

ZERO, ONE = Number("0"), Number("1")


def number(value: int) -> Number:
    """A whole number as an expression."""
    return Number(str(value))


def whole_of(expression: Expression) -> int | None:
    """The value of a literal; None for anything else."""
    if isinstance(expression, Number) and expression.text.lstrip("-").isdigit():
        return int(expression.text)
    return None


def plus(left: Expression, right: Expression) -> Expression:
    """The sum."""
    one, other = whole_of(left), whole_of(right)
    if one is not None and other is not None:
        return number(one + other)
    if one == 0:
        return right
    if other == 0:
        return left
    if other is not None and other < 0:
        return Binary("-", left, number(-other))
    return Binary("+", left, right)


def minus(left: Expression, right: Expression) -> Expression:
    """The difference."""
    one, other = whole_of(left), whole_of(right)
    if one is not None and other is not None:
        return number(one - other)
    if other is not None:
        return plus(left, number(-other))
    return Binary("-", left, right)


def times(left: Expression, right: Expression) -> Expression:
    """The product."""
    one, other = whole_of(left), whole_of(right)
    if one is not None and other is not None:
        return number(one * other)
    if 0 in (one, other):
        return ZERO
    if one == 1:
        return right
    if other == 1:
        return left
    if one is not None:
        return Binary("*", right, left)
    return Binary("*", left, right)


def over(left: Expression, right: Expression) -> Expression:
    """The quotient, rounded down; neither is negative."""
    one, other = whole_of(left), whole_of(right)
    if one is not None and other is not None:
        return number(one // other)
    return left if other == 1 else Binary("/", left, right)


def modulo(left: Expression, right: Expression) -> Expression:
    """The remainder; neither is negative."""
    one, other = whole_of(left), whole_of(right)
    if one is not None and other is not None:
        return number(one % other)
    return ZERO if other == 1 else Binary("%", left, right)


def row_major(indices: Sequence[Expression], lengths: Sequence[Expression]) -> Expression:
    """Where an element lies in memory: ``(i * cols + j) * depth + k``."""
    place: Expression = ZERO
    for index, length in zip(indices, lengths, strict=True):
        place = _added(times(place, length), index)
    return place


def _added(left: Expression, right: Expression) -> Expression:
    """The sum, without brackets around one on the right."""
    match right:
        case Binary("+", one, other) if left != ZERO:
            return Binary("+", _added(left, one), other)
        case Binary("-", one, other) if left != ZERO:
            return Binary("-", _added(left, one), other)
        case _:
            return plus(left, right)


def operations(value: Expression) -> int:
    """Operators and calls of an expression, those that find a place in memory left out."""
    if isinstance(value, Index):
        return 0
    own = int(isinstance(value, Binary | Call | Ternary | Unary))
    match value:
        case Binary(_, left, right):
            return own + operations(left) + operations(right)
        case Call(_, arguments):
            return own + sum(map(operations, arguments))
        case Ternary(condition, then, otherwise):
            return own + operations(condition) + operations(then) + operations(otherwise)
        case Unary(_, operand) | Cast(_, operand):
            return own + operations(operand)
        case _:
            return 0


def occurrences(value: Expression, name: str) -> int:
    """How often an expression mentions a name."""
    return sum(1 for part in parts(value) if part == Name(name))
