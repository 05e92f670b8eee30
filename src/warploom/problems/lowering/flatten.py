"""Two loops that go over neighbouring elements become one."""

from __future__ import annotations

from dataclasses import replace

from warploom.problems.lowering.arithmetic import ONE, ZERO, times
from warploom.syntax.cpp.query import names_in
from warploom.syntax.cpp.tree import Binary, Expression, Loop, Name, Statement
from warploom.syntax.cpp.walk import all_parts, map_bodies, map_statements

Statements = tuple[Statement, ...]


def flatten(statements: Statements) -> Statements:
    """The statements, with every loop that holds nothing but another joined with it where that is the same.

    ``for i … for j … x[i * cols + j]`` is ``for i < rows * cols … x[i]`` when nothing else mentions i or j.
    """
    return tuple(_joined(one) for one in statements)


def _joined(statement: Statement) -> Statement:
    while isinstance(statement, Loop):
        made = _one(statement)
        if made is None:
            break
        statement = made
    return map_bodies(statement, flatten)


def _one(outer: Loop) -> Loop | None:
    """The loop over both; None when the body wants to know them apart."""
    if len(outer.body) != 1 or not isinstance(outer.body[0], Loop):
        return None
    inner = outer.body[0]
    plain = all(one.lower == ZERO and one.step == ONE for one in (outer, inner))
    if not plain or outer.variable in names_in(inner.upper):
        return None
    first, second, length = Name(outer.variable), Name(inner.variable), inner.upper
    joined = 0

    def change(part: Expression) -> Expression:
        nonlocal joined
        match part:
            case Binary("+", Binary("*", left, factor), right) if right == second and factor == length:
                if left == first:
                    joined += 1
                    return first
                match left:  # (rest * A + i) * B + j
                    case Binary("+", Binary("*", rest, many), last) if last == first and many == outer.upper:
                        joined += 1
                        return Binary("+", times(rest, times(outer.upper, length)), first)
        return part

    body = map_statements(inner.body, change)
    mentioned = [part for part in all_parts(inner.body) if part in (first, second)]
    if joined == 0 or mentioned.count(first) != joined or mentioned.count(second) != joined:
        return None
    return replace(outer, upper=times(outer.upper, length), body=body)
