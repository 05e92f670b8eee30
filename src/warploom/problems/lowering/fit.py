"""Numbers seen at several shapes → expressions of the axes that give them at every one. Standard library only."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import minus, number, over, plus, times
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Binary, Call, Cast, Expression, Name, Number

MOST_FACTORS = 5
MOST_COST = 64
"""Of numbers in an expression of one axis that is tried before products and sums of lengths."""

MOST_DIVISOR = 16

_SIGNS: Mapping[type[ast.operator], Callable[[Expression, Expression], Expression]] = {
    ast.Add: plus,
    ast.Sub: minus,
    ast.Mult: times,
    ast.FloorDiv: over,
}


@dataclass(frozen=True)
class Real:
    """A number with a fraction: ``value`` where it is the same at every shape, else an expression of the axes."""

    value: float
    expression: Expression | None = None


class Fit:
    """Finds expressions, and remembers them: what follows from a length is tried before what follows from an axis.

    Args:
        axes: axis → its length at every traced shape.
        words: shape words of the problem's tensors, as :mod:`warploom.values.shape` reads them.
    """

    def __init__(self, axes: Mapping[str, Sequence[int]], words: Iterable[str] = ()) -> None:
        self._axes = {name: tuple(lengths) for name, lengths in axes.items()}
        self._count = len(next(iter(self._axes.values()), (0,)))
        self._known: dict[tuple[int, ...], Expression] = {}
        for name, lengths in self._axes.items():
            self._known.setdefault(lengths, Name(name))
        self.named: dict[str, Expression] = {}
        """Lengths that follow from axes and were given a name, in order."""
        for word in words:
            self._learn(word)

    def whole(self, values: Sequence[int]) -> Whole:
        """The expression for what is this at every shape.

        Raises:
            ProblemError: it follows from the axes in no simple way.
        """
        wanted = tuple(values)
        if len(set(wanted)) == 1:
            return Whole(wanted, number(wanted[0]))
        found = self._known.get(wanted)
        if found is None:
            found = self._of_axis(wanted, MOST_COST) or self._product(wanted) or self._sum(wanted)
            found = found or self._of_axis(wanted)
            if found is None:
                listed = ", ".join(map(str, wanted[:6]))
                raise ProblemError(
                    f"a number in the traced reference ({listed}) follows from the axes in no simple way"
                )
            self._known[wanted] = found
        return Whole(wanted, found)

    def real(self, values: Sequence[float]) -> Real:
        """The expression for a number with a fraction: an expression of the axes, its root, or one over these.

        Raises:
            ProblemError: it follows from the axes in no simple way.
        """
        if len(set(values)) == 1 or all(math.isnan(one) for one in values):
            return Real(values[0])
        for power in (1, -1, 2, -2, 4, -4):
            try:
                powers = [value**power for value in values]
            except (ZeroDivisionError, OverflowError):
                continue
            nearest = [round(one) if math.isfinite(one) else 0 for one in powers]
            if all(n and abs(one / n - 1) < 1e-6 for one, n in zip(powers, nearest, strict=True)) and min(values) > 0:
                try:
                    base: Expression = Cast("float", self.whole(nearest).expression)
                except ProblemError:
                    continue
                for _ in range(abs(power).bit_length() - 1):
                    base = Call("std::sqrt", (base,))
                return Real(values[0], Binary("/", Number("1.0f"), base) if power < 0 else base)
        raise _unfit(values)

    def _learn(self, word: str) -> None:
        try:
            expression, values = self._read(ast.parse(word, mode="eval").body)
        except (SyntaxError, ValueError, ZeroDivisionError):
            return
        if len(set(values)) > 1 and values not in self._known:
            self._known[values] = self._name(expression)

    def _read(self, node: ast.expr) -> tuple[Expression, tuple[int, ...]]:
        match node:
            case ast.Constant(value=int(value)):
                return number(value), (value,) * self._count
            case ast.Name(id=name) if name in self._axes:
                return Name(name), self._axes[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
                (one, some), (other, others) = self._read(left), self._read(right)
                calculate: dict[type[ast.operator], Callable[[int, int], int]] = {
                    ast.Add: lambda a, b: a + b,
                    ast.Sub: lambda a, b: a - b,
                    ast.Mult: lambda a, b: a * b,
                    ast.FloorDiv: lambda a, b: a // b,
                }
                values = tuple(calculate[type(op)](a, b) for a, b in zip(some, others, strict=True))
                return _SIGNS[type(op)](one, other), values
            case _:
                raise ValueError

    def _name(self, expression: Expression) -> Expression:
        name, count = "length", 1
        while name in self.named or name in self._axes:
            count += 1
            name = f"length_{count}"
        self.named[name] = expression
        return Name(name)

    def _of_axis(self, wanted: tuple[int, ...], most: float = math.inf) -> Expression | None:
        """``p * axis + q`` or ``(axis + q) / d``, the one with the smallest numbers, none above ``most``."""
        found = [*self._linear(wanted), *self._divided(wanted)]
        cost, expression = min(found, key=lambda one: one[0], default=(math.inf, None))
        return self._name(expression) if expression is not None and cost <= most else None

    def _linear(self, wanted: tuple[int, ...]) -> Iterator[tuple[int, Expression]]:
        for name, lengths in self._axes.items():
            pairs = sorted(set(zip(lengths, wanted, strict=True)))
            (low, first), (high, last) = pairs[0], pairs[-1]
            if low == high:
                continue
            slope, rest = divmod(last - first, high - low)
            offset = first - slope * low
            if rest == 0 and slope >= 1 and all(slope * value + offset == length for value, length in pairs):
                # Two points lie on a line always: it says little.
                cost = abs(offset) + 2 * slope - (MOST_COST if len(pairs) > 2 else 0)
                yield cost, plus(times(Name(name), number(slope)), number(offset))

    def _divided(self, wanted: tuple[int, ...]) -> Iterator[tuple[int, Expression]]:
        for name, lengths in self._axes.items():
            pairs = sorted(set(zip(lengths, wanted, strict=True)))
            if len({length for length, _ in pairs}) < 2:
                continue
            for divisor in range(2, MOST_DIVISOR + 1):
                # wanted * d <= axis + q < (wanted + 1) * d
                low = max(length * divisor - value for value, length in pairs)
                high = min((length + 1) * divisor - 1 - value for value, length in pairs)
                low = max(low, -pairs[0][0])
                if low <= high and pairs[0][1] >= 0:
                    offset = low if low > 0 else min(high, 0)
                    yield abs(offset) + 2 * divisor, over(plus(Name(name), number(offset)), number(divisor))

    def _product(self, wanted: tuple[int, ...]) -> Expression | None:
        """A number times lengths that are known, or such a product divided by a number or a length."""
        known = [(values, expression) for values, expression in self._known.items() if min(values) > 0]
        for count in range(1, MOST_FACTORS + 1):
            if math.comb(len(known) + count - 1, count) > 50_000:
                break
            for chosen in itertools.combinations_with_replacement(known, count):
                lengths = [math.prod(one) for one in zip(*(values for values, _ in chosen), strict=True)]
                expression = chosen[0][1]
                for _, factor in chosen[1:]:
                    expression = times(expression, factor)
                factor_, rest = divmod(wanted[0], lengths[0])
                if not rest and all(factor_ * a == b for a, b in zip(lengths, wanted, strict=True)):
                    return times(expression, number(factor_))
                if not wanted[0]:
                    continue
                divisor, rest = divmod(lengths[0], wanted[0])
                if not rest and all(divisor * b == a for a, b in zip(lengths, wanted, strict=True)):
                    return over(expression, number(divisor))
        return None

    def _sum(self, wanted: tuple[int, ...]) -> Expression | None:
        """The sum or difference of two known lengths, or a number above or below one."""
        known = list(self._known.items())
        for values, expression in known:
            apart = {b - a for a, b in zip(values, wanted, strict=True)}
            if len(apart) == 1:
                return plus(expression, number(apart.pop()))
        for (some, one), (others, other) in itertools.product(known, repeat=2):
            if all(a + b == c for a, b, c in zip(some, others, wanted, strict=True)):
                return plus(one, other)
            if all(a - b == c for a, b, c in zip(some, others, wanted, strict=True)):
                return minus(one, other)
            if min(others) > 0 and all(a // b == c for a, b, c in zip(some, others, wanted, strict=True)):
                return over(one, other)
        return None


def _unfit(values: Sequence[float]) -> ProblemError:
    listed = ", ".join(f"{value:g}" for value in values)
    return ProblemError(f"a number in the traced reference ({listed}) follows from the axes in no simple way")
