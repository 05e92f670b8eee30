"""Bounds checks taken out of the middle: the range of a loop split where its checks begin and cease to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, inlined, place, plain_step
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.cpp.ranges import minimum
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ZERO, add, coefficient, integer, number, simplify, subtract
from warploom.syntax.cpp.query import all_loops, all_names, fresh, names_declared, names_in, names_written
from warploom.syntax.cpp.tree import (
    Binary,
    Block,
    Declare,
    Expression,
    If,
    Loop,
    Name,
    Number,
    RawStatement,
    Statement,
    Ternary,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import all_parts, map_statements, substitute, substitute_in, walk
from warploom.values.candidate import Scalar

_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True)
class SplitIndices(Planned):
    """A loop with bounds checks as three: the border before, an interior without the checks, the border after.

    Recognises ``if (y >= 0 && y < h)``, ``if (y < 0 || y >= h) continue;`` and ``y >= 0 && y < h ? x[y] : 0`` where
    ``y`` is affine in the variables of the loop and of inner loops. Site: ``function:loop``; the interior keeps the
    loop's name, the borders are ``loop_b`` and ``loop_e``.
    """

    name: str = "split_indices"
    phase: Phase = Phase.LAYOUT

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops inside which such a check stands."""
        return [Site(p.label) for p in all_loops(unit) if self.fits(unit, p.label, {})]

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the loop's place."""
        target = place(unit, label)
        loop = target.loop
        plain_step(loop)
        if integer(loop.lower) is None:
            raise NotApplicable(f"the loop over {loop.variable} does not begin at a known number")
        body = inlined(loop.body, target.function)
        checks = _checks(body, loop)
        if not checks:
            raise NotApplicable(f"nothing in the loop over {loop.variable} is checked against bounds")
        begin, end = loop.lower, loop.upper
        for _, low, high in checks:
            begin = begin if low is None else _maximum(begin, low)
            end = end if high is None else minimum(end, high)
        taken = all_names(target.function)
        first = fresh(f"{loop.variable}_first", taken)
        last = fresh(f"{loop.variable}_last", taken)
        inner = map_statements(body, _settled({check for check, _, _ in checks}))

        def border(suffix: str, lower: Expression, upper: Expression) -> Statement:
            # Names of its own, so that those of the interior stay as they were.
            names = {loop.variable, *names_declared(body)}
            mapping = {name: Name(fresh(f"{name}_{suffix}", taken)) for name in sorted(names)}
            (made,) = substitute((replace(loop, body=body),), mapping)
            return replace(made, lower=lower, upper=upper) if isinstance(made, Loop) else made

        made: Statements = (
            Declare(f"const {loop.type}", first, minimum(begin, loop.upper)),
            Declare(f"const {loop.type}", last, _maximum(Name(first), end)),
            border("b", loop.lower, Name(first)),
            replace(loop, lower=Name(first), upper=Name(last), body=_tidy(inner)),
            border("e", Name(last), loop.upper),
        )
        return Plan(target.label, made, set())


Check = tuple[Expression, Expression | None, Expression | None]
"""A comparison, and from where and to where (exclusive) it holds; None where it sets no limit."""


def _checks(body: Statements, loop: Loop) -> list[Check]:
    inner = {s.variable: s for s in walk(body) if isinstance(s, Loop)}
    changing = names_declared(body) | names_written(body)
    found: dict[Expression, Check] = {}
    for condition in _conditions(body):
        for part in _terms(condition):
            limits = _limits(part, loop, inner, changing)
            if limits is not None:
                found[part] = (part, *limits)
    return list(found.values())


def _conditions(body: Statements) -> list[Expression]:
    """What statements and expressions branch on; an early ``continue`` counts as the opposite of its condition."""
    found = [s.condition for s in walk(body) if isinstance(s, If) and not _skips(s)]
    found += [_negated(s.condition) for s in walk(body) if isinstance(s, If) and _skips(s)]
    return found + [part.condition for part in all_parts(body) if isinstance(part, Ternary)]


def _skips(statement: Statement) -> bool:
    return isinstance(statement, If) and statement.then == (RawStatement("continue;"),) and not statement.otherwise


def _negated(condition: Expression) -> Expression:
    match condition:
        case Binary("||", left, right):
            return Binary("&&", _negated(left), _negated(right))
        case Binary(op, left, right) if op in _OPPOSITE:
            return Binary(_OPPOSITE[op], left, right)
        case _:
            return Unary("!", condition)


def _terms(condition: Expression) -> list[Expression]:
    match condition:
        case Binary("&&", left, right):
            return _terms(left) + _terms(right)
        case _:
            return [condition]


def _limits(
    part: Expression, loop: Loop, inner: Mapping[str, Loop], changing: set[str]
) -> tuple[Expression | None, Expression | None] | None:
    """From where and to where a comparison surely holds, whatever the inner loops' variables are."""
    match part:
        case Binary("<", left, right):
            margin = subtract(right, left)
        case Binary(">", left, right):
            margin = subtract(left, right)
        case Binary("<=", left, right):
            margin = add(subtract(right, left), Number("1"))
        case Binary(">=", left, right):
            margin = add(subtract(left, right), Number("1"))
        case _:
            return None
    factor = _factor(margin, loop.variable)
    if not factor:
        return None
    rest = substitute_in(margin, {loop.variable: ZERO})
    for variable, other in inner.items():
        if variable not in names_in(rest):
            continue
        own = _factor(rest, variable)
        if own is None:
            return None
        rest = substitute_in(rest, {variable: other.lower if own >= 0 else subtract(other.upper, Number("1"))})
    rest = simplify(rest)
    if names_in(rest) & changing:
        return None
    # factor * v + rest > 0. Division rounds towards zero: never outwards, since v is not negative.
    if factor > 0:
        return _divided(subtract(number(factor), rest), factor), None
    return None, _divided(add(rest, number(-factor - 1)), -factor)


def _factor(expression: Expression, variable: str) -> int | None:
    found = coefficient(expression, variable)
    return None if found is None else integer(found)


def _divided(expression: Expression, factor: int) -> Expression:
    return expression if factor == 1 else simplify(Binary("/", expression, number(factor)))


def _maximum(left: Expression, right: Expression) -> Expression:
    return Ternary(Binary("<", left, right), right, left)


_TRUE, _FALSE = Name("true"), Name("false")


def _settled(holding: set[Expression]) -> Callable[[Expression], Expression]:
    """Puts true and false for comparisons that hold or do not."""
    against = {_negated(check) for check in holding}

    def change(part: Expression) -> Expression:
        match part:
            case _ if part in holding:
                return _TRUE
            case _ if part in against:
                return _FALSE
            case Binary("&&", left, right) if _TRUE in (left, right):
                return right if left == _TRUE else left
            case Binary("||", left, right) if _FALSE in (left, right):
                return right if left == _FALSE else left
            case Ternary(condition, then, _) if condition == _TRUE:
                return then
            case _:
                return part

    return change


def _tidy(statements: Statements) -> Statements:
    """Without branches that are settled."""
    made: list[Statement] = []
    for statement in statements:
        match statement:
            case If(condition, then, _) if condition == _TRUE:
                made += _tidy(then)
            case If(condition, _, otherwise) if condition == _FALSE:
                made += _tidy(otherwise)
            case If(condition, then, otherwise):
                made.append(If(condition, _tidy(then), _tidy(otherwise)))
            case Loop() | Block():
                made.append(replace(statement, body=_tidy(statement.body)))
            case _:
                made.append(statement)
    return tuple(made)


MOVES: tuple[Move, ...] = (SplitIndices(),)
