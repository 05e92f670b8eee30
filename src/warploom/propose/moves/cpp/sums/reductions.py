"""Reductions: an OpenMP simd clause for a plain loop, and softmax's maximum and sum in one pass over the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.arithmetic.maths import EXP
from warploom.propose.moves.cpp.folds import Update, folds_in, plain_name, update_of
from warploom.propose.moves.cpp.sums import promote, scans
from warploom.propose.moves.cpp.vectors.legality import check, varying_names
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, ZERO, integer, stride, subtract
from warploom.syntax.cpp.query import all_loops, all_names, find_loop, fresh, inner_loops, replace_loop
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Comment,
    Declare,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    Number,
    RawStatement,
    Ternary,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import Statements, all_parts, map_bodies, substitute, substitute_in, walk, with_function
from warploom.values.candidate import Scalar

_CLAUSE = {"sum": "+", "product": "*", "max": "max", "min": "min"}


class Simd:
    """``#pragma omp simd`` with its reductions on an innermost loop: the compiler's own vectors, whatever it calls."""

    name = "simd"
    phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Plain innermost loops."""
        return [Site(place.label) for place in all_loops(unit) if _pragma(place.loop, place.function) is not None]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        pragma = None if place is None else _pragma(place.loop, place.function)
        if place is None or pragma is None:
            raise NotApplicable(f"no plain innermost loop {label}")
        return replace_loop(unit, label, (replace(place.loop, pragmas=(*place.loop.pragmas, pragma)),))


def _pragma(loop: Loop, function: Function) -> str | None:
    if loop.pragmas or inner_loops(loop) or any(isinstance(one, RawStatement) for one in walk(loop.body)):
        return None
    try:
        check(loop, function)
        varying_names(loop, function)
    except NotApplicable:
        return None
    trips = integer(subtract(loop.upper, loop.lower))
    if trips is not None and trips < 8:
        return None
    steps = [stride(part, loop.variable, function) for part in all_parts(loop.body) if isinstance(part, Index)]
    if any(step not in (ZERO, ONE) for step in steps) or ONE not in steps:
        return None
    clauses: dict[str, list[str]] = {}
    for name, kind in sorted(folds_in(loop.body).items()):
        if kind not in _CLAUSE:
            return None
        clauses.setdefault(_CLAUSE[kind], []).append(name)
    return " ".join(["omp simd", *(f"reduction({op}:{', '.join(names)})" for op, names in clauses.items())])


@dataclass(frozen=True)
class _Passes:
    """A loop that finds a maximum, a loop that sums ``exp(value - maximum)``, and what stands between."""

    first: Loop
    between: Statements
    second: Loop
    largest: str
    total: str
    exp: str


class Online:
    """The maximum and the sum of exponentials of a row in one pass, block by block.

    When a block brings a larger maximum the sum so far is scaled down to it (Milakov and Gimelshein 2018, "Online
    normalizer calculation for softmax"). Pays when a row does not fit the nearest cache. Parameter: ``block``, in
    elements.
    """

    name = "online"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """The label is that of the loop that sums."""
        return [
            Site(f"{function.name}:{found.second.variable}", {"block": (2048, 512, 8192)})
            for function in unit.functions
            for found in _passes(function.body)
        ]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        if place is None:
            raise NotApplicable(f"no loop {label}")
        found = next((one for one in _passes(place.function.body) if one.second == place.loop), None)
        if found is None:
            raise NotApplicable("no maximum and sum of exponentials here")
        made = _one_pass(found, int(parameters.get("block", 2048)), all_names(place.function))
        old = (found.first, *found.between, found.second)

        def change(body: Statements) -> Statements:
            for start in range(len(body)):
                if body[start : start + len(old)] == old:
                    return (*body[:start], *made, *body[start + len(old) :])
            return tuple(map_bodies(statement, change) for statement in body)

        return with_function(unit, replace(place.function, body=change(place.function.body)))


def _passes(body: Statements) -> list[_Passes]:
    found = []
    for start, statement in enumerate(body):
        if isinstance(statement, Loop):
            found += _passes(statement.body)
            match = _match(statement, body[start + 1 :])
            if match is not None:
                found.append(match)
        elif isinstance(statement, If):
            found += _passes(statement.then) + _passes(statement.otherwise)
        elif hasattr(statement, "body"):
            found += _passes(statement.body)
    return found


def _match(first: Loop, rest: Statements) -> _Passes | None:
    maximum = _only_update(first.body)
    second = next((number for number, one in enumerate(rest) if not isinstance(one, Declare | Assign | Comment)), None)
    if maximum is None or maximum.kind != "max" or second is None:
        return None
    loop, between = rest[second], rest[:second]
    if not isinstance(loop, Loop) or (loop.lower, loop.upper, loop.step) != (first.lower, first.upper, ONE):
        return None
    total = _only_update(loop.body)
    if total is None or total.kind != "sum" or first.step != ONE:
        return None
    match total.value:
        case Call(exp, (Binary("-", value, Name(largest)),)) if plain_name(exp) in EXP and largest == maximum.name:
            same = substitute_in(maximum.value, {first.variable: Name(loop.variable)})
            if same != value or not _starts_at_zero(between, total.name):
                return None
            return _Passes(first, between, loop, largest, total.name, exp)
    return None


def _only_update(body: Statements) -> Update | None:
    kept = [statement for statement in body if not isinstance(statement, Comment)]
    return update_of(kept[0]) if len(kept) == 1 else None


def _starts_at_zero(between: Statements, total: str) -> bool:
    """Whether what stands between the loops is just the sum's start."""
    kept = [statement for statement in between if not isinstance(statement, Comment)]
    match kept:
        case [Declare(_, name, Number(text), ())] | [Assign(Name(name), "=", Number(text))]:
            return name == total and float(text.rstrip("fF")) == 0.0
    return False


def _one_pass(found: _Passes, block: int, taken: set[str]) -> Statements:
    first, second = found.first, found.second
    outer, end = fresh(f"{first.variable}_b", taken), fresh(f"{first.variable}_stop", taken)
    larger = fresh(f"{found.largest}_new", taken)
    # As long as all values are -inf nothing may be subtracted: -inf - -inf is no number.
    shift = fresh(f"{found.largest}_shift", taken)
    below = Unary("-", Call("__builtin_inff", ()))
    shifted = Ternary(Binary("==", Name(larger), below), Number("0.0f"), Name(larger))
    limit = Binary("+", Name(outer), Number(str(block)))
    renamed: dict[str, Expression] = {found.largest: Name(larger)}
    scale = Ternary(
        Binary("==", Name(found.largest), Name(larger)),
        Number("1.0f"),
        Call(found.exp, (Binary("-", Name(found.largest), Name(larger)),)),
    )
    return (
        *found.between,
        Loop(
            outer,
            first.lower,
            first.upper,
            (
                Declare(f"const {first.type}", end, Ternary(Binary("<", limit, first.upper), limit, first.upper)),
                Declare("float", larger, Name(found.largest)),
                replace(first, lower=Name(outer), upper=Name(end), body=substitute(first.body, renamed)),
                Declare("const float", shift, shifted),
                Assign(Name(found.total), "*=", scale),
                replace(
                    second,
                    lower=Name(outer),
                    upper=Name(end),
                    body=substitute(second.body, {found.largest: Name(shift)}),
                ),
                Assign(Name(found.largest), "=", Name(larger)),
            ),
            Number(str(block)),
            first.type,
        ),
    )


MOVES: tuple[Move, ...] = (*promote.MOVES, Online(), Simd(), *scans.MOVES)
