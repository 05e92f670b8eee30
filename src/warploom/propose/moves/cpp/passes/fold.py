"""Mean and variance in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements
from warploom.propose.moves.cpp.passes.common import (
    Passes,
    later_passes,
    swapped,
    unchanged,
    value_type,
    visible_before,
)
from warploom.propose.moves.cpp.planned import loops_for
from warploom.propose.moves.protocol import Phase, Site
from warploom.syntax.cpp.affine import ONE
from warploom.syntax.cpp.query import all_names, fresh, names_in, names_written, uses
from warploom.syntax.cpp.tree import Assign, Binary, Declare, Expression, Index, Loop, Name, Number, Ternary, Unit
from warploom.syntax.cpp.walk import parts, substitute_in
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class _Sum:
    """``total += term``, or with a loop inside: ``part = 0; for part += term; total += part``."""

    total: str
    term: Expression
    part: Declare | None = None
    inner: Loop | None = None


@dataclass(frozen=True)
class _Match:
    """``for sum += v; mean = sum / n; for squares += (v - mean)²``."""

    passes: Passes
    sum: _Sum
    mean: Declare
    divisor: Expression
    squares: str


class FoldPass:
    """Sum and sum of squared deviations in one pass instead of two.

    Both are taken about a shift, so that an offset common to all elements costs no digits (Chan, Golub and LeVeque
    1983): ``mean = shift + s / n`` and ``Σ(v - mean)² = q - s² / n``. The shift is the median of the first, the middle
    and the last element: a single one may be an outlier, and then the difference loses what it was to save.
    """

    name = "fold_pass"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that sum for a mean, about which a later loop sums squares."""
        return loops_for(self, unit)

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        for passes in later_passes(unit, label):
            match = _matched(passes)
            if match is not None:
                return _folded(unit, match)
        raise NotApplicable("no later pass sums squares about the mean of this one")


def _matched(passes: Passes) -> _Match | None:
    own, other = _sum_of(passes.first.body), _sum_of(passes.body)
    if own is None or other is None or not any(isinstance(part, Index) for part in parts(own.term)):
        return None
    samples = _samples(own, passes)
    for statement in passes.between:
        match statement:
            case Declare(_, name, Binary("/", Name(text), divisor), ()) if text == own.total:
                rest = [s for s in passes.between if s is not statement]
                if uses(rest, own.total) or uses(rest, name) or name in names_written(passes.body):
                    return None
                fits = _is_squared_deviation(other, own, name)
                if not fits or not all(unchanged(one, passes) and visible_before(one, passes) for one in samples):
                    return None
                return _Match(passes, own, statement, divisor, other.total)
    return None


def _sum_of(body: Statements) -> _Sum | None:
    """The sum that a loop body is, if it is nothing else."""
    match body:
        case (Declare(_, name, Number(), ()) as part, Loop() as inner, Assign(Name(total), "+=", Name(again))):
            inside = _sum_of(inner.body)
            if again != name or inside is None or inside.total != name or inside.inner is not None:
                return None
            return _Sum(total, inside.term, part, inner)
        case (*before, Assign(Name(total), "+=", value)):
            term = _inlined(value, tuple(before))
            return None if term is None or total in names_in(term) else _Sum(total, term)
        case _:
            return None


def _samples(own: _Sum, passes: Passes) -> list[Expression]:
    """The terms of the first, the middle and the last iteration; of the first alone where steps are skipped."""
    loops = [passes.first] if own.inner is None else [passes.first, own.inner]
    places = (_first, _middle, _last) if all(loop.step == ONE for loop in loops) else (_first,)
    return [substitute_in(own.term, {loop.variable: place(loop) for loop in loops}) for place in places]


def _first(loop: Loop) -> Expression:
    return loop.lower


def _middle(loop: Loop) -> Expression:
    return Binary("/", loop.upper if loop.lower == Number("0") else Binary("+", loop.lower, loop.upper), Number("2"))


def _last(loop: Loop) -> Expression:
    return Binary("-", loop.upper, ONE)


def _median(a: Expression, b: Expression, c: Expression) -> Expression:
    """The one that is neither the largest nor the smallest."""

    def less(one: Expression, other: Expression, then: Expression, otherwise: Expression) -> Expression:
        return Ternary(Binary("<", one, other), then, otherwise)

    return less(a, b, less(b, c, b, less(a, c, c, a)), less(a, c, a, less(b, c, c, b)))


def _is_squared_deviation(other: _Sum, own: _Sum, mean: str) -> bool:
    """Whether the second pass sums the squares of the first one's terms less the mean, over the same range."""
    term = other.term
    if (own.inner is None) != (other.inner is None):
        return False
    if own.inner is not None and other.inner is not None:
        one, two = own.inner, other.inner
        if (one.lower, one.upper, one.step) != (two.lower, two.upper, two.step):
            return False
        term = substitute_in(term, {two.variable: Name(one.variable)})
    deviation = Binary("-", own.term, Name(mean))
    return term == Binary("*", deviation, deviation)


def _inlined(value: Expression, before: Statements) -> Expression | None:
    """The value with the locals declared before it written out; None when something else stands there."""
    for statement in reversed(before):
        if not isinstance(statement, Declare) or statement.value is None or statement.extents:
            return None
        value = substitute_in(value, {statement.name: statement.value})
    return value


def _folded(unit: Unit, match: _Match) -> Unit:
    passes, first, own = match.passes, match.passes.first, match.sum
    kind = value_type(own.term, passes.function)
    start = _start_of(match.squares, passes)
    if kind not in ("float", "double") or start is None:
        raise NotApplicable("the two sums cannot be told apart from the rest")
    taken = all_names(passes.function)
    shift, apart = fresh("shift", taken), fresh("apart", taken)
    total, squares = Name(own.total), Name(match.squares)
    about = _shift(shift, kind, _samples(own, passes), taken)
    difference = Declare(f"const {kind}", apart, Binary("-", own.term, Name(shift)))
    square = Binary("*", Name(apart), Name(apart))
    body: Statements = (difference, Assign(total, "+=", Name(apart)), Assign(squares, "+=", square))
    if own.part is not None and own.inner is not None:
        part, more = Name(own.part.name), Name(fresh(f"{own.part.name}_squares", taken))
        inside = (difference, Assign(part, "+=", Name(apart)), Assign(more, "+=", square))
        sums = (Assign(total, "+=", part), Assign(squares, "+=", more))
        body = (own.part, replace(own.part, name=more.text), replace(own.inner, body=inside), *sums)
    correction = Assign(squares, "-=", Binary("/", Binary("*", total, total), match.divisor))
    mean = Declare(match.mean.type, match.mean.name, Binary("+", Name(shift), Binary("/", total, match.divisor)))
    also: dict[int, Statements] = {id(start): (), id(match.mean): (mean,)}
    return swapped(unit, passes, (start, *about, replace(first, body=body)), (correction,), also)


def _shift(name: str, kind: str, samples: Sequence[Expression], taken: set[str]) -> Statements:
    """The declaration of what is taken off every term, after those of its samples."""
    if len(samples) == 1:
        return (Declare(f"const {kind}", name, samples[0]),)
    words = [fresh(word, taken) for word in ("early", "halfway", "late")]
    seen = [Declare(f"const {kind}", word, sample) for word, sample in zip(words, samples, strict=True)]
    return (*seen, Declare(f"const {kind}", name, _median(*(Name(word) for word in words))))


def _start_of(name: str, passes: Passes) -> Declare | None:
    """The declaration of the accumulator of squares, if it stands between the passes and starts from a constant."""
    for statement in passes.between:
        if isinstance(statement, Declare) and statement.name == name:
            rest = [s for s in passes.between if s is not statement]
            constant = statement.value is not None and not names_in(statement.value)
            return statement if constant and not uses(rest, name) else None
    return None
