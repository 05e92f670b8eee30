"""Integer expressions: tidying them, and how far an access moves when a loop variable moves by one."""

from __future__ import annotations

import re

from warploom.syntax.cpp.query import assigned_once, declaration_of, names_in, names_rebound, type_of
from warploom.syntax.cpp.remember import remembered
from warploom.syntax.cpp.tree import (
    Binary,
    Cast,
    Expression,
    Function,
    Index,
    Name,
    Number,
    RawExpression,
    Unary,
)
from warploom.syntax.cpp.walk import map_expression

ZERO = Number("0")
ONE = Number("1")
_INTEGER = re.compile(r"\d+")
_INTEGER_TYPE = re.compile(
    r"(const )?(unsigned |signed )?(int|long|short|char|size_t|ptrdiff_t|unsigned|auto|u?int\w*_t)( const)?"
)
_DEPTH = 16

MOST_EXPRESSIONS = 8192
"""Of so many index expressions it is remembered what they are multiplied out: the stores of an unrolled nest, twice."""


def integer(expression: Expression) -> int | None:
    """The value of an integer literal."""
    match expression:
        case Number(text) if _INTEGER.fullmatch(text) and (text == "0" or text[0] != "0"):
            return int(text)
        case Unary("-", operand):
            value = integer(operand)
            return None if value is None else -value
        case _:
            return None


def number(value: int) -> Expression:
    """The literal of this value."""
    return Number(str(value)) if value >= 0 else Unary("-", Number(str(-value)))


def simplify(expression: Expression) -> Expression:
    """Integer literals folded; ``x + 0``, ``1 * x``, ``0 * x`` and the like tidied. Floating-point literals stay."""
    return map_expression(expression, _tidy)


def _tidy(expression: Expression) -> Expression:
    match expression:
        case Binary("+" | "-" | "*" | "/" | "%" as op, left, right):
            a, b = integer(left), integer(right)
            if a is not None and b is not None and not (op in "/%" and (b <= 0 or a < 0)):
                return number({"+": a + b, "-": a - b, "*": a * b, "/": a // max(b, 1), "%": a % max(b, 1)}[op])
            if (op in "+-" and b == 0) or (op in "*/" and b == 1):
                return left
            if (op == "+" and a == 0) or (op == "*" and a == 1):
                return right
            if op == "*" and 0 in (a, b):
                return ZERO
            if op == "-" and left == right:
                return ZERO
            return _gather(op, left, right, b)
        case Unary("-", Unary("-", operand)):
            return operand
        case _:
            return expression


def _gather(op: str, left: Expression, right: Expression, b: int | None) -> Expression:
    """``(x + 1) + 2`` → ``x + 3``; ``(x + y) - y`` → ``x``."""
    match left:
        case Binary("+" | "-" as inner, base, last) if op in "+-":
            c = integer(last)
            if b is not None and c is not None:
                total = (c if inner == "+" else -c) + (b if op == "+" else -b)
                if total == 0:
                    return base
                return Binary("+", base, number(total)) if total > 0 else Binary("-", base, number(-total))
            if last == right and inner != op:
                return base
            if op == "-" and inner == "+" and base == right:
                return last
    return Binary(op, left, right)


def add(left: Expression, right: Expression) -> Expression:
    """``left + right``, simplified."""
    return simplify(Binary("+", left, right))


def subtract(left: Expression, right: Expression) -> Expression:
    """``left - right``, simplified."""
    return simplify(Binary("-", left, right))


def multiply(left: Expression, right: Expression) -> Expression:
    """``left * right``, simplified."""
    return simplify(Binary("*", left, right))


def distance(left: Expression, right: Expression) -> int | None:
    """``left - right`` when that is a fixed number: 1 for ``i * cols + j + 1`` and ``j + cols * i``; None otherwise."""
    terms: dict[tuple[str, ...], int] = {}
    for expression, sign in ((left, 1), (right, -1)):
        for factors, count in _multiplied_out(expression):
            terms[factors] = terms.get(factors, 0) + sign * count
    constant = terms.pop((), 0)
    return None if any(terms.values()) else constant


@remembered(most=MOST_EXPRESSIONS)
def _multiplied_out(expression: Expression) -> list[tuple[tuple[str, ...], int]]:
    return _terms(expression)


def _terms(expression: Expression) -> list[tuple[tuple[str, ...], int]]:
    """The expression multiplied out: products of sorted factors, each with its integer coefficient."""
    match expression:
        case Number() if (value := integer(expression)) is not None:
            return [((), value)]
        case Cast(kind, operand) if _INTEGER_TYPE.fullmatch(kind):
            return _terms(operand)
        case Unary("-", operand):
            return [(factors, -count) for factors, count in _terms(operand)]
        case Binary("+", first, second):
            return _terms(first) + _terms(second)
        case Binary("-", first, second):
            return _terms(first) + [(factors, -count) for factors, count in _terms(second)]
        case Binary("*", first, second):
            return [
                (tuple(sorted(one + two)), count * times)
                for one, count in _terms(first)
                for two, times in _terms(second)
            ]
        case _:
            return [((repr(expression),), 1)]


def coefficient(expression: Expression, variable: str, function: Function | None = None) -> Expression | None:
    """The factor of ``variable`` in an expression that is affine in it, simplified; None when it is not affine.

    With a function given, its locals that are assigned once are looked through.
    """
    return _coefficient(expression, variable, function, _DEPTH)


def _coefficient(expression: Expression, variable: str, function: Function | None, depth: int) -> Expression | None:
    def inner(part: Expression) -> Expression | None:
        return _coefficient(part, variable, function, depth - 1)

    if depth == 0:
        return None
    match expression:
        case Name(text):
            return ONE if text == variable else _behind(text, variable, function, depth)
        case Number():
            return ZERO
        case Cast(_, operand):
            return inner(operand)
        case Unary("-", operand):
            found = inner(operand)
            return None if found is None else subtract(ZERO, found)
        case Unary("&", Index(base, index)):
            return inner(Binary("+", base, index))
        case Binary("+" | "-" as op, left, right):
            first, second = inner(left), inner(right)
            if first is None or second is None:
                return None
            return simplify(Binary(op, first, second))
        case Binary("*", left, right):
            first, second = inner(left), inner(right)
            if first is None or second is None:
                return None
            if first == ZERO:
                return multiply(second, left)
            return multiply(first, right) if second == ZERO else None
        case RawExpression():
            return None
        case _:
            return None if depends(expression, variable, function) else ZERO


def _behind(name: str, variable: str, function: Function | None, depth: int) -> Expression | None:
    """The coefficient in the value that a local stands for."""
    if function is None:
        return ZERO
    declared = declaration_of(name, function)
    if declared is None:
        return ZERO
    if declared.extents or declared.value is None:
        return ZERO if declared.extents else (None if depends(Name(name), variable, function) else ZERO)
    if not assigned_once(name, function):
        return None if depends(Name(name), variable, function) else ZERO
    return _coefficient(declared.value, variable, function, depth - 1)


def depends(expression: Expression, variable: str, function: Function | None = None) -> bool:
    """Whether the value may change with ``variable``, looking through the declarations of locals.

    A local that is assigned more than once depends on everything.
    """
    seen: set[str] = set()
    pending = names_in(expression)
    written = names_rebound(function.body) if function is not None else set()
    while pending:
        name = pending.pop()
        if name == variable:
            return True
        if name in seen or function is None:
            continue
        seen.add(name)
        declared = declaration_of(name, function)
        if declared is None:
            continue
        if name in written and not declared.extents:
            return True
        if declared.value is not None:
            pending |= names_in(declared.value)
    return False


def stride(access: Expression, variable: str, function: Function | None = None) -> Expression | None:
    """How many elements an access moves when ``variable`` moves by one; None when that is not a fixed number.

    ``access`` is an Index, or a bare integer expression. ``row[j]`` with ``row = x + i * cols`` has stride 1 in ``j``
    and ``cols`` in ``i``. A chain of indices (an array of arrays) has a stride in its last index only.
    """
    match access:
        case Index(Index() as outer, index):
            if stride(outer, variable, function) != ZERO:
                return None
            return coefficient(index, variable, function)
        case Index(base, index):
            return coefficient(Binary("+", base, index), variable, function)
        case Unary("*", operand):
            return coefficient(operand, variable, function)
        case _:
            return coefficient(access, variable, function)


def is_integer(name: str, function: Function) -> bool:
    """Whether the name is a parameter, local or loop variable of an integer type."""
    kind = type_of(name, function)
    return kind is not None and _INTEGER_TYPE.fullmatch(kind) is not None
