"""Folds: a scalar that a loop accumulates into by one operation, in any of its spellings.

``s += e``, ``s = s + e``, ``m = std::max(m, e)``, ``m = e > m ? e : m`` and ``if (e > m) m = e;`` are all read as an
:class:`Update` of one kind. A loop may carry such a scalar in several independent copies that are joined at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warploom.syntax.cpp.query import names_in
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Comment,
    Declare,
    Expression,
    If,
    Loop,
    Name,
    Number,
    Statement,
    Ternary,
    Unary,
)
from warploom.syntax.cpp.walk import Statements, bodies, expressions

MAX_CALLS = frozenset({"std::max", "std::fmax", "fmaxf", "fmax", "max", "MAX", "__builtin_fmaxf"})
MIN_CALLS = frozenset({"std::min", "std::fmin", "fminf", "fmin", "min", "MIN", "__builtin_fminf"})
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True)
class Update:
    """One accumulation.

    Attributes:
        name: the scalar.
        kind: "sum", "product", "max", "min", "nanmax" or "nanmin" (the last two let a NaN win).
        value: what goes in (the negated operand for ``-=``).
    """

    name: str
    kind: str
    value: Expression


NEUTRAL: Mapping[str, Expression] = {"sum": Number("0.0f"), "product": Number("1.0f")}
"""What a new copy of a scalar starts from; the other kinds start from the scalar itself."""


def plain_name(function: str) -> str:
    """A called function without template arguments: ``std::max`` of ``std::max<float>``."""
    return function.partition("<")[0].strip()


def extreme(expression: Expression) -> tuple[str, Expression, Expression] | None:
    """``(kind, a, b)`` of an expression that picks the larger or smaller of two.

    The kinds are those of :class:`Update`, with ``a`` the one that stays when the two do not compare.
    """
    match expression:
        case Call(function, (first, second)) if plain_name(function) in MAX_CALLS | MIN_CALLS:
            kind = "max" if plain_name(function) in MAX_CALLS else "min"
            # fmax ignores a NaN: a constant is the one that stays.
            if "fm" in function and isinstance(second, Number | Unary) and not isinstance(first, Number):
                first, second = second, first
            return kind, first, second
        case Ternary(condition, then, otherwise):
            return _picked(condition, then, otherwise)
        case _:
            return None


def _picked(
    condition: Expression, then: Expression, otherwise: Expression
) -> tuple[str, Expression, Expression] | None:
    """``condition ? then : otherwise`` as an extreme."""
    for either in _alternatives(condition):
        nan = isinstance(condition, Binary) and condition.op == "||"
        if nan and not any(_is_nan_of(other, then) for other in _alternatives(condition)):
            return None
        kind = _comparison(either, then, otherwise)
        if kind is not None:
            return ("nan" if nan else "") + kind, otherwise, then
    match condition:
        case Unary("!", Binary(op, left, right)) if op in ("<=", ">="):
            kind = _comparison(Binary({"<=": ">", ">=": "<"}[op], left, right), then, otherwise)
            return None if kind is None else (f"nan{kind}", otherwise, then)
    return None


def _alternatives(condition: Expression) -> tuple[Expression, ...]:
    match condition:
        case Binary("||", left, right):
            return (left, right)
        case _:
            return (condition,)


def _is_nan_of(condition: Expression, value: Expression) -> bool:
    match condition:
        case Binary("!=", left, right):
            return left == right == value
        case Call(function, (argument,)):
            return "isnan" in function and argument == value
        case _:
            return False


def _comparison(condition: Expression, then: Expression, otherwise: Expression) -> str | None:
    match condition:
        case Binary(op, left, right) if op in _MIRROR:
            if (left, right) == (then, otherwise):
                return "max" if op in (">", ">=") else "min"
            if (left, right) == (otherwise, then):
                return "min" if op in (">", ">=") else "max"
    return None


def update_of(statement: Statement) -> Update | None:
    """How this statement accumulates into a scalar, if it does."""
    match statement:
        case Assign(Name(name), "+=" | "-=" as op, value):
            return Update(name, "sum", value if op == "+=" else Unary("-", value))
        case Assign(Name(name), "*=", value):
            return Update(name, "product", value)
        case Assign(Name(name) as target, "=", value):
            return _assigned(target, name, value)
        case If(condition, then, ()):
            kept = [inner for inner in then if not isinstance(inner, Comment)]
            if len(kept) == 1 and isinstance(kept[0], Assign) and kept[0].op == "=":
                place = kept[0].target
                picked = _picked(condition, kept[0].value, place)
                if isinstance(place, Name) and picked is not None:
                    return Update(place.text, picked[0], picked[2])
    return None


def _assigned(target: Name, name: str, value: Expression) -> Update | None:
    found = extreme(value)
    if found is not None and target in found[1:]:
        kind, first, second = found
        return Update(name, kind, second if first == target else first)
    match value:
        case Binary("+" | "-" | "*" as op, left, right):
            kind = "product" if op == "*" else "sum"
            if left == target:
                return Update(name, kind, Unary("-", right) if op == "-" else right)
            if right == target and op != "-":
                return Update(name, kind, left)
            if op != "*":
                rest = _without(value, target)
                return None if rest is None else Update(name, "sum", rest)
    return None


def _without(value: Expression, target: Name) -> Expression | None:
    """``target + a - b`` without the target: ``a - b``."""
    match value:
        case Binary("+" | "-" as op, left, right):
            if left == target:
                return right if op == "+" else Unary("-", right)
            inner = _without(left, target)
            return None if inner is None else Binary(op, inner, right)
        case _:
            return None


def folds_in(body: Statements) -> dict[str, str]:
    """Scalars declared outside that this body only accumulates into, each by one kind of operation, and that kind.

    A scalar that the body also reads, or updates in another way, is left out.
    """
    declared: set[str] = set()
    kinds: dict[str, set[str]] = {}
    touched: set[str] = set()

    def go(statements: Statements) -> None:
        for statement in statements:
            update = update_of(statement)
            if update is not None and update.name not in names_in(update.value):
                kinds.setdefault(update.name, set()).add(update.kind)
                touched.update(names_in(update.value))
                continue
            if isinstance(statement, Declare):
                declared.add(statement.name)
            if isinstance(statement, Loop):
                declared.add(statement.variable)
            for expression in expressions(statement):
                touched.update(names_in(expression))
            for inner in bodies(statement):
                go(inner)

    go(body)
    return {
        name: next(iter(found))
        for name, found in kinds.items()
        if len(found) == 1 and name not in touched and name not in declared
    }
