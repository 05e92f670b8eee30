"""Whole numbers of a graph: their values at every traced shape, and one expression of the axes for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from warploom.problems.lowering.arithmetic import minus, number, over, plus, times
from warploom.syntax.cpp.tree import Expression


@dataclass(frozen=True)
class Whole:
    """A length, or another whole number.

    Attributes:
        values: at every traced shape, in one order throughout a graph; two are the same where these are.
        expression: of the axes.
    """

    values: tuple[int, ...]
    expression: Expression = field(compare=False)

    @property
    def constant(self) -> int | None:
        """Its value when that is the same everywhere."""
        return self.values[0] if len(set(self.values)) == 1 else None

    @property
    def largest(self) -> int:
        """Its largest value."""
        return max(self.values)

    def same(self, value: int) -> Whole:
        """A constant, at as many shapes."""
        return Whole((value,) * len(self.values), number(value))

    def __add__(self, other: Whole | int) -> Whole:
        other = self._as_whole(other)
        return self._made([a + b for a, b in self._pairs(other)], plus(self.expression, other.expression))

    def __sub__(self, other: Whole | int) -> Whole:
        other = self._as_whole(other)
        return self._made([a - b for a, b in self._pairs(other)], minus(self.expression, other.expression))

    def __mul__(self, other: Whole | int) -> Whole:
        other = self._as_whole(other)
        return self._made([a * b for a, b in self._pairs(other)], times(self.expression, other.expression))

    def __floordiv__(self, other: Whole | int) -> Whole:
        """Rounded down; neither is negative."""
        other = self._as_whole(other)
        return self._made([a // b for a, b in self._pairs(other)], over(self.expression, other.expression))

    def _as_whole(self, other: Whole | int) -> Whole:
        return self.same(other) if isinstance(other, int) else other

    def _pairs(self, other: Whole) -> Iterable[tuple[int, int]]:
        return zip(self.values, other.values, strict=True)

    def _made(self, values: list[int], expression: Expression) -> Whole:
        if len(set(values)) == 1:
            expression = number(values[0])
        return Whole(tuple(values), expression)


def product(factors: Iterable[Whole], one: Whole) -> Whole:
    """Of all of them; ``one`` says at how many shapes when there are none."""
    found = one
    for factor in factors:
        found = found * factor
    return found
