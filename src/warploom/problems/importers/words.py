"""Concrete shapes at several settings → symbolic shapes. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warploom.problems.names import RESERVED


class Words:
    """Finds an axis name, a number or an expression for every length, and remembers which names were used.

    Args:
        settings: name → value of the program's sizes, one mapping a setting.
        taken: names that no axis may have.
    """

    def __init__(self, settings: Sequence[Mapping[str, Any]], taken: Sequence[str]) -> None:
        self._count = len(settings)
        self._taken = set(taken) | RESERVED
        self._vectors: dict[str, tuple[int, ...]] = {}
        for name in settings[0] if settings else ():
            values = tuple(one[name] for one in settings)
            if all(type(value) is int for value in values) and len(set(values)) > 1:
                self._vectors[plain(name, self._taken)] = values
        self.axes: dict[str, tuple[int, ...]] = {}
        """Name → length at every setting, of the axes that are in use."""

    def word(self, lengths: Sequence[int], place: str) -> str:
        """The word for a length that is this at every setting.

        Args:
            lengths: one a setting.
            place: where it stands, such as "out_2": names a new axis where nothing known fits.
        """
        wanted = tuple(lengths)
        if len(set(wanted)) == 1:
            return str(wanted[0])
        for known in (self.axes, self._vectors):
            for name, values in known.items():
                if values == wanted:
                    return self._use(name, values)
        for name, values in self._vectors.items():
            expression = _linear(name, values, wanted)
            if expression:
                self._use(name, values)
                return expression
        for one, values in self._vectors.items():
            for other, others in self._vectors.items():
                if tuple(a * b for a, b in zip(values, others, strict=True)) == wanted:
                    self._use(one, values)
                    self._use(other, others)
                    return f"{one}*{other}"
        return self._use(plain(place, self._taken | set(self._vectors) | set(self.axes)), wanted)

    def shape(self, shapes: Sequence[Sequence[int]], name: str) -> str:
        """The words of a tensor whose shape is this at every setting."""
        return " ".join(
            self.word(lengths, f"{name}_{place}") for place, lengths in enumerate(zip(*shapes, strict=True))
        )

    def _use(self, name: str, values: tuple[int, ...]) -> str:
        self.axes[name] = values
        return name


def plain(name: str, taken: set[str] | frozenset[str] = frozenset()) -> str:
    """A name that can stand in a C signature: letters, digits and underscores, no reserved word, not taken."""
    letters = "".join(one if one.isascii() and (one.isalnum() or one == "_") else "_" for one in name)
    letters = letters.lstrip("_") or "x"
    if letters[0].isdigit():
        letters = f"n{letters}"
    found, number = letters, 2
    while found in taken or found in RESERVED:
        found, number = f"{letters}_{number}", number + 1
    return found


def _linear(name: str, values: Sequence[int], wanted: Sequence[int]) -> str:
    """``p*name+q`` or ``(name+q)//s`` when one of them holds at every setting, else ""."""
    pairs = sorted(set(zip(values, wanted, strict=True)))
    (low, first), (high, last) = pairs[0], pairs[-1]
    if low == high or len(pairs) < 3:
        return ""
    slope, rest = divmod(last - first, high - low)
    if rest == 0 and slope >= 1:
        offset = first - slope * low
        if all(slope * value + offset == length for value, length in pairs):
            factor = name if slope == 1 else f"{slope}*{name}"
            return f"{factor}{offset:+d}" if offset else factor
    for divisor in range(2, 17):
        for offset in range(-divisor * 8, divisor * 8):
            if all((value + offset) // divisor == length for value, length in pairs):
                return f"({name}{offset:+d})//{divisor}" if offset else f"{name}//{divisor}"
    return ""
