"""Loops being written: which are open, what stands in each, and where a value may be computed.

A value goes into the outermost loop that has everything it reads, so that nothing is computed twice that need not be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from warploom.problems.lowering.arithmetic import ZERO, minus, number, over, plus, times
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.query import names_in
from warploom.syntax.cpp.tree import Binary, Declare, Expression, If, Loop, Name, Number, Statement
from warploom.syntax.cpp.walk import parts

LETTERS = "ijklmnpqrstuvw"

Key = tuple[str, tuple[Expression, ...]]


@dataclass
class Level:
    """One open pair of braces.

    Attributes:
        variable: of the loop; "" for the ground and for a condition.
        statements: written so far.
        known: values that were computed here, by what and where they are of.
    """

    variable: str
    statements: list[Statement] = field(default_factory=list)
    known: dict[Key, Expression] = field(default_factory=dict)


@dataclass(frozen=True)
class Split:
    """An index that runs over two loops: ``inner * stride + phase``, the phase outside."""

    inner: Expression
    phase: Expression
    stride: int


class Nest:
    """A nest of loops that stores one value or a few.

    Args:
        fresh: gives a name that nothing else in the function has, from a wish.
        taken: whether a name is that of a parameter or a local of the function.
    """

    def __init__(self, fresh: Callable[[str], str], taken: Callable[[str], bool]) -> None:
        self._fresh, self._taken = fresh, taken
        self._levels = [Level("")]
        self._home: dict[str, int] = {}
        self._active: list[str] = []
        self.axes: dict[Expression, int] = {}
        """Which dimension a loop of :meth:`grid` runs over."""
        self.splits: dict[Expression, Split] = {}
        """The indices of :meth:`grid` that run over two loops."""

    @property
    def depth(self) -> int:
        """Open pairs of braces."""
        return len(self._levels) - 1

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything, once all loops are closed."""
        assert self.depth == 0
        return tuple(self._levels[0].statements)

    def emit(self, statement: Statement, depth: int | None = None) -> None:
        """Write a statement in the innermost loop, or in the one at this depth, before what is open in it."""
        self._levels[self.depth if depth is None else depth].statements.append(statement)

    @contextmanager
    def loop(
        self, length: Whole | Expression, lower: Expression = ZERO, step: Expression | None = None
    ) -> Iterator[Expression]:
        """``for (int64_t i = lower; i < length; i += step)``; yields its variable, or 0 where that is all there is."""
        if isinstance(length, Whole):
            if length.constant == 1 and lower == ZERO:
                yield ZERO
                return
            length = length.expression
        name = next(one for one in self._letters() if one not in self._active and not self._taken(one))
        self._active.append(name)
        self._levels.append(Level(name))
        self._home[name] = self.depth
        yield Name(name)
        level = self._levels.pop()
        self._active.remove(name)
        body = tuple(level.statements)
        self.emit(Loop(name, lower, length, body, step or Number("1")))

    @contextmanager
    def loops(self, lengths: Sequence[Whole]) -> Iterator[list[Expression]]:
        """A loop for every length, the first outermost; yields their variables."""
        if not lengths:
            yield []
            return
        with self.loop(lengths[0]) as first, self.loops(lengths[1:]) as rest:
            yield [first, *rest]

    @contextmanager
    def grid(self, lengths: Sequence[Whole], strides: Mapping[int, int]) -> Iterator[list[Expression]]:
        """A loop for every dimension of a result, two for those that have a stride; yields the indices.

        The loops over phases stand behind the first dimension, so that what is computed in the others has one phase.
        """
        with ExitStack() as loops:
            enter = loops.enter_context
            indices = [enter(self.loop(lengths[0]))] if lengths and 0 not in strides else []
            phases = {place: enter(self.loop(number(stride))) for place, stride in sorted(strides.items())}
            for place in range(len(indices), len(lengths)):
                length, stride = lengths[place].expression, strides.get(place)
                if stride is None:
                    indices.append(enter(self.loop(lengths[place])))
                    continue
                inner = enter(self.loop(over(minus(plus(length, number(stride - 1)), phases[place]), number(stride))))
                indices.append(plus(times(inner, number(stride)), phases[place]))
                self.splits[indices[-1]] = Split(inner, phases[place], stride)
            self.axes = {index: place for place, index in enumerate(indices) if isinstance(index, Name)}
            yield indices

    @contextmanager
    def condition(self, condition: Expression | None) -> Iterator[None]:
        """``if (condition)``; nothing where there is none."""
        if condition is None:
            yield
            return
        self._levels.append(Level(""))
        yield
        level = self._levels.pop()
        self.emit(If(condition, tuple(level.statements)))

    @contextmanager
    def at(self, depth: int) -> Iterator[None]:
        """Write at this depth, before the loops that are open further in."""
        hidden = self._levels[depth + 1 :]
        del self._levels[depth + 1 :]
        yield
        assert self.depth == depth
        self._levels += hidden

    def local(self, kind: str, wish: str, value: Expression, depth: int | None = None) -> Name:
        """Declare a local; its name."""
        place = self.depth if depth is None else depth
        name = Name(self._fresh(wish))
        self._home[name.text] = place
        self.emit(Declare(kind, name.text, value), place)
        return name

    def home(self, expressions: Sequence[Expression]) -> int:
        """Depth of the outermost loop that has every name in them."""
        names = {name for one in expressions for name in names_in(one)}
        return max((self._home.get(name, 0) for name in names), default=0)

    def covers(self, indices: Sequence[Expression]) -> int | None:
        """Depth at which every turn asks for another element of these indices; None when two turns might ask for one.

        There, and there alone, what takes a loop of its own is computed once an element.
        """
        variables = {level.variable for level in self._levels[1:]} - {""}
        mentioned = [
            part.text
            for one in indices
            for part in parts(one)
            if isinstance(part, Name) and self._home.get(part.text, 0)
        ]
        if any(isinstance(part, Binary) and part.op in "/%" for one in indices for part in parts(one)):
            return None
        if len(mentioned) != len(set(mentioned)) or not set(mentioned) <= variables:
            return None
        depth = max((self._home[name] for name in mentioned), default=0)
        between = self._levels[1 : depth + 1]
        return depth if all(level.variable in mentioned for level in between) else None

    def recall(self, key: Key) -> Expression | None:
        """A value that was computed in a loop that is open."""
        return next((level.known[key] for level in self._levels if key in level.known), None)

    def remember(self, key: Key, value: Expression, depth: int) -> None:
        """A value that was computed at this depth."""
        self._levels[depth].known[key] = value

    def _letters(self) -> Iterator[str]:
        yield from LETTERS
        number = 2
        while True:
            yield from (f"{letter}{number}" for letter in LETTERS)
            number += 1
