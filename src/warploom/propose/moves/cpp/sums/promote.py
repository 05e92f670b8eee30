"""``promote``: a sum kept in memory through a loop lives in a local meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.vectors.body import bare
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    find_loop,
    fresh,
    names_declared,
    names_in,
    names_rebound,
    pointer_roots,
    root_name,
    type_of,
)
from warploom.syntax.cpp.tree import Assign, Call, Declare, Expression, Index, Loop, Name, RawStatement, Statement, Unit
from warploom.syntax.cpp.walk import Statements, all_parts, map_bodies, map_statements, parts, walk, with_function
from warploom.values.candidate import Scalar

_ELEMENTS = frozenset({"float", "double", "int", "int32_t", "int64_t"})


class Promote:
    """``for k: out[i] += e;`` → ``float sum = out[i]; for k: sum += e; out[i] = sum;``.

    What the other moves look for is a local accumulator; memory that a loop may alias keeps them away. A store to the
    same place right before the loop (``out[i] = 0``) becomes the local's start.
    """

    name = "promote"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """The outermost loops through which such a place does not change."""
        found = []
        for place in all_loops(unit):
            around = Place(place.function, place.path[-1], place.path[:-1]) if place.path else None
            if set(_places(place)) - set(_places(around) if around else ()):
                found.append(Site(place.label))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        targets = [] if place is None else _places(place)
        if place is None or not targets:
            raise NotApplicable(f"no fixed place in memory is accumulated into at {label}")
        function = place.function
        taken = all_names(function)
        locals_ = {target: fresh(f"{root_name(target)}_sum", taken) for target in targets}

        def named(part: Expression) -> Expression:
            return Name(locals_[part]) if isinstance(part, Index) and part in locals_ else part

        loop = replace(place.loop, body=map_statements(place.loop.body, named))
        after = tuple(Assign(target, "=", Name(name)) for target, name in locals_.items())

        def change(body: Statements) -> Statements:
            made: list[Statement] = []
            for statement in body:
                if statement is not place.loop:
                    made.append(map_bodies(statement, change))
                    continue
                starts: dict[Expression, Expression] = {}
                while made and isinstance(last := made[-1], Assign) and last.op == "=" and last.target in locals_:
                    if last.target in starts or any(
                        part in locals_ for part in all_parts((Declare("", "", last.value),))
                    ):
                        break
                    starts[last.target] = last.value
                    made.pop()
                for target, name in locals_.items():
                    kind = bare(type_of(str(root_name(target)), function) or "float")
                    made.append(Declare(kind, name, starts.get(target, target)))
                made += [loop, *after]
            return tuple(made)

        return with_function(unit, replace(function, body=change(function.body)))


def _places(place: Place) -> list[Index]:
    """Array elements that the loop only accumulates into, at an index it does not change."""
    loop, function = place.loop, place.function
    if any(isinstance(one, RawStatement) for one in walk(loop.body)) or any("omp" in one for one in loop.pragmas):
        return []
    changing = names_declared((loop,)) | names_rebound(loop.body)
    found: dict[Index, None] = {}
    for statement in walk(loop.body):
        if isinstance(statement, Assign) and isinstance(statement.target, Index):
            target = statement.target
            updates = statement.op != "=" or target in parts(statement.value)
            if updates and not names_in(target) & changing:
                found[target] = None
    roots = pointer_roots(function)

    def behind(expression: Expression) -> str:
        name = root_name(expression) or ""
        return roots.get(name, name)

    touched = [part for part in all_parts(loop.body) if isinstance(part, Index) and not isinstance(part.base, Index)]
    passed = {
        behind(argument)
        for part in all_parts(loop.body)
        if isinstance(part, Call)
        for argument in part.arguments
        if not isinstance(argument, Index)
    }
    return [
        target
        for target in found
        if all(part == target for part in touched if behind(part) == behind(target))
        and behind(target) not in passed
        and not isinstance(target.base, Index)
        and bare(type_of(str(root_name(target)), function) or "") in _ELEMENTS
        and not any(isinstance(one, Loop) and "omp" in str(one.pragmas) for one in walk(loop.body))
    ]


MOVES: tuple[Move, ...] = (Promote(),)
