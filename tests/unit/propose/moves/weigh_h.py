"""Weighs the work of a kernel: iterations of its innermost loops, a vector of sixteen lanes counting sixteen."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from warploom.syntax.cpp.affine import integer
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Call, Evaluate, Function, If, Loop, RawExpression, Statement, Unit
from warploom.syntax.cpp.walk import Statements, all_parts, walk

Case = Sequence[NDArray[Any] | int | float]


def weighed(unit: Unit) -> str:
    """The unit, adding the lanes that each iteration of an innermost loop handles to ``weighed_work``."""

    def go(statements: Statements, lanes: int) -> Statements:
        made: list[Statement] = []
        for statement in statements:
            if isinstance(statement, Loop):
                vectors = any(isinstance(part, Call) and "16" in part.function for part in all_parts(statement.body))
                own = lanes * ((integer(statement.step) or 1) if vectors else 1)
                inner = any(isinstance(one, Loop) for one in walk(statement.body))
                tick = () if inner else (Evaluate(RawExpression(f"__atomic_fetch_add(&weighed_work, {own}, 0)")),)
                made.append(replace(statement, body=(*go(statement.body, own), *tick)))
            elif isinstance(statement, If):
                made.append(If(statement.condition, go(statement.then, lanes), go(statement.otherwise, lanes)))
            else:
                made.append(statement)
        return tuple(made)

    items = tuple(replace(item, body=go(item.body, 1)) if isinstance(item, Function) else item for item in unit.items)
    return 'extern "C" { int64_t weighed_work = 0; }\n' + render(Unit(items))


def weigh(libraries: Sequence[ctypes.CDLL], run: Callable[[ctypes.CDLL], object]) -> list[int]:
    """The work of one call in each library built from :func:`weighed`."""
    found = []
    for library in libraries:
        counter = ctypes.c_int64.in_dll(library, "weighed_work")
        counter.value = 0
        run(library)
        found.append(counter.value)
    return found


def parsed(text: str) -> Unit:
    """A snippet, and the proof that it is stable under rendering."""
    unit = parse(text)
    assert parse(render(unit)) == unit
    return unit
