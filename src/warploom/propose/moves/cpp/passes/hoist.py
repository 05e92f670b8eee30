"""Invariants that cost more than a load, out of the innermost loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.propose.moves.cpp.nests import finish, place
from warploom.propose.moves.cpp.passes.common import is_dear, need, value_type
from warploom.propose.moves.cpp.planned import loops_for
from warploom.propose.moves.protocol import Phase, Site
from warploom.syntax.cpp.query import (
    all_names,
    fresh,
    is_innermost,
    names_declared,
    names_in,
    names_written,
    pointer_roots,
)
from warploom.syntax.cpp.tree import Binary, Declare, Expression, Function, Loop, Name, RawStatement, Unit
from warploom.syntax.cpp.walk import children, expressions, map_statements, parts, walk
from warploom.values.candidate import Scalar


class Hoist:
    """Divisions and calls that do not change in an innermost loop are computed once before it."""

    name = "hoist"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Innermost loops that hold such an expression."""
        return loops_for(self, unit)

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        loop = found.loop
        need(is_innermost(loop), f"there is a loop inside the one over {loop.variable}")
        changing = names_written(loop.body) | names_declared((loop,))
        roots = pointer_roots(found.function)
        changing |= {roots[name] for name in changing if name in roots}
        chosen = _invariants(loop, found.function, changing)
        need(bool(chosen), f"nothing dear stays the same in the loop over {loop.variable}")
        taken = all_names(found.function)
        names = {value: fresh("fixed", taken) for value in chosen}
        body = map_statements(loop.body, lambda part: Name(names[part]) if part in names else part)
        before = tuple(Declare(f"const {kind}", names[value], value) for value, kind in chosen.items())
        return finish(unit, label, (*before, replace(loop, body=body)))


def _invariants(loop: Loop, function: Function, changing: set[str]) -> dict[Expression, str]:
    """The largest dear expressions that do not change in the loop, with their types."""
    roots = pointer_roots(function)
    found: dict[Expression, str] = {}

    def go(expression: Expression) -> None:
        names = names_in(expression)
        names |= {roots[name] for name in names if name in roots}
        kind = value_type(expression, function) if _costs(expression) and not names & changing else None
        if kind in ("float", "double"):
            found[expression] = kind
            return
        for child in children(expression):
            go(child)

    for statement in walk(loop.body):
        if isinstance(statement, RawStatement):
            return {}
        for expression in expressions(statement):
            go(expression)
    return found


def _costs(expression: Expression) -> bool:
    return is_dear(expression) or any(isinstance(part, Binary) and part.op == "/" for part in parts(expression))
