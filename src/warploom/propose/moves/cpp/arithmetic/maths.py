"""Arithmetic rewritten into forms that are cheaper or that a compiler can vectorise.

None of these keeps every last bit; the judge's calibrated tolerance decides whether a result is still right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.arithmetic import inline_call, narrow, reciprocal
from warploom.propose.moves.cpp.folds import plain_name
from warploom.propose.moves.cpp.support import with_support
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    find_loop,
    fresh,
    replace_loop,
)
from warploom.syntax.cpp.tree import (
    Binary,
    Call,
    Cast,
    Declare,
    Expression,
    If,
    Loop,
    Name,
    Number,
    Statement,
    Ternary,
    Unit,
)
from warploom.syntax.cpp.walk import (
    Statements,
    map_bodies,
    map_expression,
    map_statement,
)
from warploom.values.candidate import Scalar

EXP = frozenset({"exp", "expf", "std::exp", "std::expf"})
TANH = frozenset({"tanh", "tanhf", "std::tanh", "std::tanhf"})
LOG = frozenset({"log", "logf", "std::log", "std::logf"})
LOG1P = frozenset({"log1p", "log1pf", "std::log1p", "std::log1pf"})
POW = frozenset({"pow", "powf", "std::pow", "std::powf"})
ONE = Number("1.0f")
TWO = Number("2.0f")
LIMIT = Number("20.0f")

Lift = Callable[[str, Expression], Name]
"""Declares a float before the current statement and gives its name."""


class Rewriting:
    """A move that rewrites expressions inside a loop, one loop with its direct statements at a time."""

    name: ClassVar[str]
    phase: ClassVar[Phase] = Phase.ALGEBRA
    support: ClassVar[tuple[str, ...]] = ()

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Innermost loops, and loops with something to rewrite between their inner loops."""
        return [Site(place.label) for place in all_loops(unit) if self._made(place) is not None]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Every match in the loop's own statements; inner loops are sites of their own."""
        place = find_loop(unit, label)
        made = None if place is None else self._made(place)
        if made is None:
            raise NotApplicable(f"{self.name} finds nothing to rewrite at {label}")
        return with_support(replace_loop(unit, label, made), *self.support)

    def _made(self, place: Place) -> Statements | None:
        taken = all_names(place.function)
        body = self._body(place.loop.body, taken)
        return None if body == place.loop.body else (replace(place.loop, body=body),)

    def _body(self, body: Statements, taken: set[str]) -> Statements:
        made: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop):
                made.append(statement)
                continue
            before: list[Statement] = []

            def lift(wish: str, value: Expression, before: list[Statement] = before) -> Name:
                name = fresh(wish, taken)
                before.append(Declare("const float", name, value))
                return Name(name)

            def change(part: Expression, lift: Lift = lift) -> Expression:
                return self.change(part, lift)

            if isinstance(statement, If):
                changed: Statement = If(
                    map_expression(statement.condition, change),
                    self._body(statement.then, taken),
                    self._body(statement.otherwise, taken),
                )
            elif hasattr(statement, "body"):
                changed = map_bodies(statement, lambda inside: self._body(inside, taken))
            else:
                changed = map_statement(statement, change)
            made += [*before, changed]
        return tuple(made)

    def change(self, part: Expression, lift: Lift) -> Expression:
        """The expression, rewritten when it matches; its operands were rewritten before."""
        raise NotImplementedError


class PolyExp(Rewriting):
    """``exp`` → a branch-free polynomial, so that the compiler vectorises the loop by itself."""

    name = "poly_exp"
    phase = Phase.VECTOR
    support = ("exp_poly",)

    def change(self, part: Expression, lift: Lift) -> Expression:
        """``std::exp(x)`` → ``exp_poly(x)``."""
        match part:
            case Call(function, (argument,)) if plain_name(function) in EXP:
                return Call("exp_poly", (argument,))
            case _:
                return part


class TanhByExp(Rewriting):
    """``tanh`` through one ``exp``.

    GELU's ``1 + tanh(u)`` becomes twice a sigmoid, mish's ``tanh(log1p(exp(x)))`` a ratio of polynomials in ``exp(x)``.
    A ``tanh`` by itself stays: ``1 - 2 / (1 + exp(2u))`` has no digits left where ``u`` is small.
    """

    name = "tanh_by_exp"

    def change(self, part: Expression, lift: Lift) -> Expression:
        """Operands come first, so the argument of a matched tanh is already in its final form."""
        match part:
            case Call(function, (argument,)) if plain_name(function) in TANH:
                softplus = _softplus_argument(argument)
                if softplus is None:
                    return part
                # tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2); from 20 on that is 1, and e must not overflow
                x = softplus if isinstance(softplus, Name) else lift("entered", softplus)
                e = lift("grown", _exp(function, Ternary(Binary("<", LIMIT, x), LIMIT, x)))
                n = lift("ratio", Binary("*", e, Binary("+", e, TWO)))
                return Binary("/", n, Binary("+", n, TWO))
            case Binary("+", Number(one), Call(function, (u,))) | Binary("+", Call(function, (u,)), Number(one)):
                if plain_name(function) in TANH and _is(one, 1.0):
                    return Binary("/", TWO, Binary("+", ONE, _exp(function, Binary("*", Number("-2.0f"), u))))
        return part


def _softplus_argument(expression: Expression) -> Expression | None:
    """``x`` of ``log1p(exp(x))`` and ``log(1 + exp(x))``."""
    inner: Expression
    match expression:
        case Call(function, (only,)) if plain_name(function) in LOG1P:
            inner = only
        case Call(function, (Binary("+", Number(one), other) | Binary("+", other, Number(one)),)):
            if plain_name(function) not in LOG or not _is(one, 1.0):
                return None
            inner = other
        case _:
            return None
    match inner:
        case Call(function, (argument,)) if plain_name(function) in EXP:
            return argument
    return None


def _exp(like: str, argument: Expression) -> Call:
    """Exp of the same spelling as another function: what that one needed included is included."""
    name = "std::exp" if like.startswith("std::") else "expf" if like.endswith(("hf", "pf")) else "exp"
    return Call(name, (argument,))


def _is(text: str, value: float) -> bool:
    try:
        return float(text.rstrip("fF")) == value
    except ValueError:
        return False


class PowToMul(Rewriting):
    """``pow(x, 2)`` and other small powers → products; a half → a square root."""

    name = "pow_to_mul"

    def change(self, part: Expression, lift: Lift) -> Expression:
        """The base is computed once."""
        match part:
            case Call(function, (base, Number(text))) if plain_name(function) in POW:
                if _is(text, 0.5):
                    return Call("std::sqrt", (Cast("float", base),))
                power = next((n for n in (2, 3, 4) if _is(text, float(n))), None)
                if power is None:
                    return part
                x = base if isinstance(base, Name) else lift("base", base)
                square = Binary("*", x, x)
                return {2: square, 3: Binary("*", square, x), 4: Binary("*", square, square)}[power]
            case _:
                return part


MOVES: tuple[Move, ...] = (*inline_call.MOVES, TanhByExp(), PowToMul(), *reciprocal.MOVES, *narrow.MOVES, PolyExp())
