"""``narrow``: single precision for what a seed computes in double."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.vectors.body import bare
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.tree import (
    Cast,
    Declare,
    Expression,
    Function,
    Number,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import (
    all_parts,
    map_bodies,
    map_statements,
    walk,
    with_function,
)
from warploom.values.candidate import Scalar


class Narrow:
    """``double`` locals of a function → ``float``: twice the lanes, where the tolerance allows."""

    name = "narrow"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Functions that compute in double between floats: label ``"function:double"``."""
        return [Site(f"{function.name}:double") for function in unit.functions if _narrowed(function) != function]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        name = label.partition(":")[0]
        function = next((one for one in unit.functions if one.name == name), None)
        if function is None or (made := _narrowed(function)) == function:
            raise NotApplicable(f"nothing in double at {label}")
        return with_function(unit, made)


def _narrowed(function: Function) -> Function:
    if any("double" in parameter.type for parameter in function.parameters) or not any(
        "double" in part for part in _types(function)
    ):
        return function

    def expression(part: Expression) -> Expression:
        match part:
            case Cast(kind, operand) if bare(kind) == "double":
                return Cast("float", operand)
            case Number(text) if ("." in text or "e" in text.lower()) and not text.lower().startswith("0x"):
                return Number(text if text[-1] in "fF" else f"{text}f")
            case _:
                return part

    def statement(one: Statement) -> Statement:
        inside = map_bodies(one, lambda body: tuple(statement(inner) for inner in body))
        match inside:
            case Declare(kind, name, value, extents) if "double" in kind.split() or kind.startswith("double"):
                return Declare(kind.replace("double", "float"), name, value, extents)
            case _:
                return inside

    body = map_statements(function.body, expression)
    return replace(function, body=tuple(statement(one) for one in body))


def _types(function: Function) -> list[str]:
    casts = [part.type for part in all_parts(function.body) if isinstance(part, Cast)]
    return casts + [one.type for one in walk(function.body) if isinstance(one, Declare)]


MOVES: tuple[Move, ...] = (Narrow(),)
