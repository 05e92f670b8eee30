"""New content for the inputs of timed calls, at little more than the price of a copy.

A tensor has one private source, drawn once. New content of normal recipes is the sum of two windows of it, turned by a
random angle, with random signs on each: a draw of the same recipe again (a rotation of two independent normal numbers
is normal), yet no element of it was ever seen before, up to sign or not. Integers are the sum of two windows modulo
their range, which keeps them uniform. So whatever a kernel remembers of earlier calls does not help it with later ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from warploom.judge.content.inputs import OFFSETS, TIES, encode, integer_range, magnitudes
from warploom.judge.content.layout import Array
from warploom.judge.content.spread import spread
from warploom.values.problem import FLOATS, Tensor

_TILE = 1 << 14
"""Elements at a time, so that every step but the first finds them in the cache; signs repeat after as many."""

_SCALES: dict[str, float] = {"tiny": 1e-3, "large": 1e3, "zeros": 0.0}


class Source:
    """Where the content of one tensor comes from.

    Args:
        tensor: dtype, range, scale and sign of its elements.
        recipe: one of :data:`warploom.values.problem.RECIPES`.
        count: the longest content that will be asked for.
        axes: for integer ranges that are axis expressions.
        rng: secret randomness; used for every content too.
    """

    def __init__(
        self, tensor: Tensor, recipe: str, count: int, axes: Mapping[str, int], rng: np.random.Generator
    ) -> None:
        self._tensor, self._recipe, self._rng = tensor, recipe, rng
        room = count + count // 4 + 1024
        self._low, self._range = 0, 0
        self._table: Array | None = None
        self._factors: Array | None = None
        if tensor.dtype not in FLOATS:
            low, high = integer_range(tensor, axes)
            self._low, self._range = low, high - low
        elif recipe == "ties":
            self._table, self._range = encode(self._shaped(TIES.copy()), tensor.dtype), TIES.size
        if self._range:
            short = self._range <= 1 << 15 and -(1 << 15) <= self._low <= (1 << 15) - self._range
            drawn = rng.integers(0, self._range, size=room, dtype=np.int64)
            self._values: Array = drawn.astype(np.uint16 if short else np.uint64)
            return
        self._values = rng.standard_normal(room, dtype=np.float32)
        if tensor.dtype == "float64":
            self._values = self._values.astype(np.float64)
        self._factors = magnitudes(recipe, room, rng)

    def fill(self, target: Array) -> None:
        """Overwrite ``target``, in storage type, shape [n] with n up to ``count``, with content never seen before."""
        first, second, third = (int(self._rng.integers(0, self._values.size - target.size + 1)) for _ in range(3))
        if self._range:
            self._fill_added(target, first, second)
        else:
            self._fill_turned(target, first, second, third)

    def _fill_added(self, target: Array, first: int, second: int) -> None:
        spread(lambda begin, end: self._add(target, first, second, begin, end), target.size, _TILE)

    def _add(self, target: Array, first: int, second: int, start: int, stop: int) -> None:
        kind, room = self._values.dtype.type, np.empty(min(_TILE, stop - start), self._values.dtype)
        signed = np.dtype(f"i{room.itemsize}")
        low = np.array(self._low).astype(signed).view(room.dtype)
        for begin in range(start, stop, _TILE):
            end = min(begin + _TILE, stop)
            number = np.add(
                self._values[first + begin : first + end],
                self._values[second + begin : second + end],
                out=room[: end - begin],
            )
            # What is still in range turns huge by the subtraction.
            np.minimum(number, number - kind(self._range), out=number)
            if self._table is not None:
                np.take(self._table, number, out=target[begin:end], mode="clip")
            else:
                number += low
                target[begin:end] = number.view(signed)

    def _fill_turned(self, target: Array, first: int, second: int, third: int) -> None:
        kind = self._values.dtype.type
        angle = self._rng.uniform(math.pi / 8, 3 * math.pi / 8)  # neither window alone
        scale = _SCALES.get(self._recipe, 1.0) * (1.0 if self._recipe in OFFSETS else self._tensor.scale)
        size = min(_TILE, target.size)
        signs = 1.0 - 2.0 * self._rng.integers(0, 2, size=(2, size)).astype(self._values.dtype)
        shares = kind(scale * math.cos(angle)) * signs[0], kind(scale * math.sin(angle)) * signs[1]
        starts = first, second, third
        spread(lambda begin, end: self._turn(target, starts, shares, begin, end), target.size, _TILE)

    def _turn(
        self, target: Array, starts: tuple[int, int, int], shares: tuple[Array, Array], start: int, stop: int
    ) -> None:
        (first, second, third), (one, other) = starts, shares
        direct = target.dtype == self._values.dtype
        room, rest = np.empty(one.size, self._values.dtype), np.empty(one.size, self._values.dtype)
        for begin in range(start, stop, _TILE):
            end = min(begin + _TILE, stop)
            count = end - begin
            into = target[begin:end] if direct else room[:count]
            np.multiply(self._values[first + begin : first + end], one[:count], out=into)
            np.multiply(self._values[second + begin : second + end], other[:count], out=rest[:count])
            into += rest[:count]
            if self._recipe in OFFSETS or self._tensor.positive or self._factors is not None:
                self._shape(into, third + begin)
            if not direct:
                target[begin:end] = encode(into, self._tensor.dtype)

    def _shape(self, values: Array, begin: int) -> None:
        """What is left to do for the recipes that are not plainly normal, in place."""
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            if self._factors is not None:
                values *= self._factors[begin : begin + values.size]
            if self._recipe in OFFSETS:
                values += values.dtype.type(OFFSETS[self._recipe])
                values *= values.dtype.type(self._tensor.scale)
        if self._tensor.positive:
            np.abs(values, out=values)

    def _shaped(self, values: Array) -> Array:
        """A few values with the tensor's sign and scale."""
        return (np.abs(values) if self._tensor.positive else values) * np.float32(self._tensor.scale)
