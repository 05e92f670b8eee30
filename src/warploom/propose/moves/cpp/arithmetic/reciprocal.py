"""``reciprocal``: one division before the loop in place of one in every iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.vectors.body import bare
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import is_integer
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    find_loop,
    fresh,
    inner_loops,
    names_declared,
    names_in,
    names_written,
    replace_loop,
    type_of,
)
from warploom.syntax.cpp.tree import (
    Binary,
    Declare,
    Expression,
    Function,
    Index,
    Loop,
    Name,
    Number,
    RawExpression,
    Ternary,
    Unit,
)
from warploom.syntax.cpp.walk import (
    Statements,
    map_statements,
    parts,
)
from warploom.values.candidate import Scalar

ONE = Number("1.0f")


class Reciprocal:
    """``x / s`` with an ``s`` that the loop does not change → ``x * s_inverse``, the inverse taken once before it."""

    name = "reciprocal"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Innermost loops that divide by something fixed."""
        return [
            Site(place.label) for place in all_loops(unit) if not inner_loops(place.loop) and _made_inverse(place)[1]
        ]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        if place is None or inner_loops(place.loop):
            raise NotApplicable(f"no innermost loop {label}")
        loop, declared = _made_inverse(place)
        if not declared:
            raise NotApplicable("divides by nothing fixed")
        return replace_loop(unit, label, (*declared, loop))


def _made_inverse(place: Place) -> tuple[Loop, Statements]:
    loop, function = place.loop, place.function
    taken = all_names(function)
    changing = names_declared((loop,)) | names_written(loop.body)
    inverses: dict[Expression, Declare] = {}

    def change(part: Expression) -> Expression:
        match part:
            case Binary("/", top, bottom) if _is_fixed_float(bottom, changing, function):
                if bottom not in inverses:
                    wish = f"{bottom.text}_inverse" if isinstance(bottom, Name) else "inverse"
                    inverses[bottom] = Declare("const float", fresh(wish, taken), Binary("/", ONE, bottom))
                return Binary("*", top, Name(inverses[bottom].name))
            case _:
                return part

    body = map_statements(loop.body, change)
    return replace(loop, body=body), tuple(inverses.values())


def _is_fixed_float(expression: Expression, changing: set[str], function: Function) -> bool:
    if names_in(expression) & changing or not names_in(expression):
        return False
    if any(isinstance(part, Index | RawExpression | Ternary) for part in parts(expression)):
        return False
    return any(
        isinstance(part, Name) and bare(type_of(part.text, function) or "") in ("float", "double")
        for part in parts(expression)
    ) and not any(isinstance(part, Name) and is_integer(part.text, function) for part in parts(expression))


MOVES: tuple[Move, ...] = (Reciprocal(),)
