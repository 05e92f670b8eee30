"""How memory is touched: stores that bypass the caches, prefetches, and ``restrict`` on the entry point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.support import with_support
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import integer
from warploom.syntax.cpp.query import Place, all_loops, find_loop, inner_loops, pointer_roots, replace_loop, root_name
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Evaluate,
    Expression,
    Function,
    Index,
    Loop,
    Name,
    Number,
    Parameter,
    RawExpression,
    RawStatement,
    Return,
    Statement,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import Statements, all_parts, rewrite, walk, with_function
from warploom.values.candidate import Scalar

LOADS = frozenset({"load16", "gather16", "load_part16", "gather_part16"})
FENCE = Evaluate(Call("stream_fence", ()))


class StreamStores:
    """``store16`` → ``stream16`` for outputs that the function writes once and never reads, and a fence at its end.

    The line is not fetched before it is overwritten: a third less traffic for a copy.
    """

    name = "stream_stores"
    phase = Phase.POLISH

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that hold such a store directly."""
        return [Site(place.label) for place in all_loops(unit) if _streamable(place)]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        stores = set() if place is None else _streamable(place)
        if place is None or not stores:
            raise NotApplicable(f"no store at {label} that could bypass the caches")

        def change(statement: Statement) -> Statements | None:
            if isinstance(statement, Evaluate) and statement in stores and isinstance(statement.value, Call):
                return (Evaluate(replace(statement.value, function="stream16")),)
            return None

        made = replace_loop(unit, label, (replace(place.loop, body=rewrite(place.loop.body, change)),))
        function = made.function(place.function.name)
        if FENCE not in function.body:
            last = len(function.body) - (1 if function.body and isinstance(function.body[-1], Return) else 0)
            function = replace(function, body=(*function.body[:last], FENCE, *function.body[last:]))
        return with_support(with_function(made, function), "stream16")


def _streamable(place: Place) -> set[Statement]:
    """Vector stores directly in the loop (not in a loop inside it) to a parameter that is not read in the function."""
    function = place.function
    if any(isinstance(statement, RawStatement) for statement in walk(function.body)):
        return set()
    roots = pointer_roots(function)
    outputs = {parameter.name for parameter in function.parameters if "*" in parameter.type}
    inner = {statement for loop in inner_loops(place.loop) for statement in walk(loop.body)}
    found: set[Statement] = set()
    for statement in walk(place.loop.body):
        if statement in inner or not isinstance(statement, Evaluate):
            continue
        match statement.value:
            case Call("store16", (address, _)):
                name = root_name(address)
                root = roots.get(name, name) if name is not None else None
                if root in outputs and not _read(function, roots, str(root)):
                    found.add(statement)
    return found


def _read(function: Function, roots: Mapping[str, str], array: str) -> bool:
    """Whether the function reads the array anywhere."""

    def is_it(expression: Expression) -> bool:
        name = root_name(expression)
        return name is not None and roots.get(name, name) == array

    targets = [one.target for one in walk(function.body) if isinstance(one, Assign) and one.op == "="]
    updated = any(isinstance(one, Assign) and one.op != "=" and is_it(one.target) for one in walk(function.body))
    loads = sum(
        1
        for part in all_parts(function.body)
        if (isinstance(part, Index) or (isinstance(part, Unary) and part.op == "*")) and is_it(part)
    )
    stores = sum(1 for target in targets if not isinstance(target, Name) and is_it(target))
    vectors = any(
        isinstance(part, Call) and part.function in LOADS and is_it(part.arguments[0])
        for part in all_parts(function.body)
    )
    passed = any(
        isinstance(part, Call)
        and part.function not in LOADS | {"store16", "stream16", "store_part16"}
        and any(isinstance(one, Name) and is_it(one) for one in part.arguments)
        for part in all_parts(function.body)
    )
    return updated or vectors or passed or loads > stores


class Prefetch:
    """Asks for the lines that a vector loop will load some iterations later. Parameter: ``ahead``, elements."""

    name = "prefetch"
    phase = Phase.POLISH

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Innermost vector loops that load."""
        return [Site(place.label, {"ahead": (256, 512, 1024)}) for place in all_loops(unit) if _loads(place.loop)]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        loads = [] if place is None else _loads(place.loop)
        if place is None or not loads:
            raise NotApplicable(f"no vector loads in {label}")
        ahead = Number(str(int(parameters.get("ahead", 256))))
        asked = tuple(Evaluate(Call("__builtin_prefetch", (Binary("+", one, ahead),))) for one in loads)
        return replace_loop(unit, label, (replace(place.loop, body=(*asked, *place.loop.body)),))


def _loads(loop: Loop) -> list[Expression]:
    """Addresses that the loop loads vectors from and that move with it; none where it prefetches already."""
    if inner_loops(loop) or (integer(loop.step) or 1) < 16:
        return []
    found: dict[Expression, None] = {}
    for part in all_parts(loop.body):
        match part:
            case Call("__builtin_prefetch", _) | RawExpression():
                return []
            case Call("load16", (address,)) if any(one == Name(loop.variable) for one in _names(address)):
                found[address] = None
    return list(found)


def _names(expression: Expression) -> list[Expression]:
    return [part for part in all_parts((Evaluate(expression),)) if isinstance(part, Name)]


class RestrictParameters:
    """``__restrict__`` on every pointer parameter of a function: the problem's tensors never overlap."""

    name = "restrict_parameters"
    phase = Phase.POLISH

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Functions with a plain pointer parameter: label ``"function:parameters"``."""
        return [Site(f"{function.name}:parameters") for function in unit.functions if _restricted(function) != function]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        name = label.partition(":")[0]
        function = next((one for one in unit.functions if one.name == name), None)
        if function is None or (made := _restricted(function)) == function:
            raise NotApplicable(f"no plain pointer at {label}")
        return with_function(unit, made)


def _restricted(function: Function) -> Function:
    if len([one for one in function.parameters if one.type.endswith("*")]) < 2:
        return function
    return replace(
        function,
        parameters=tuple(
            Parameter(f"{one.type} __restrict__", one.name) if one.type.endswith("*") else one
            for one in function.parameters
        ),
    )


MOVES: tuple[Move, ...] = (RestrictParameters(), StreamStores(), Prefetch())
