"""The numbers that are written in a Python program, and other numbers in their places."""

from __future__ import annotations

import io
import math
import random
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from warploom.errors import SourceError
from warploom.syntax import evolve_block

Item = TypeVar("Item")

WIDTHS = (0.03, 0.15, 0.6)
"""Half-widths of a change, as natural logarithms: a touch, a step, a leap; one is drawn for each number."""

NEAR_ZERO = (0.001, 0.01, 0.1, 1.0)
"""What a 0.0 becomes: no factor leads away from it."""

LARGEST = 10**9
"""Whole numbers above this are bit patterns or the like, and stay."""

_LEFT_OUT = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENCODING)


@dataclass(frozen=True)
class Literal:
    """A number in a program's text.

    Attributes:
        start: place of its first character.
        text: as it is written.
        line: counted from 1.
    """

    start: int
    text: str
    line: int


@dataclass(frozen=True)
class Numbers:
    """A program as its numbers and all that stands around them.

    Attributes:
        literals: in the evolve block, in order.
        frame: every other token of the program: programs with the same frame differ in these numbers alone.
    """

    literals: tuple[Literal, ...]
    frame: tuple[str, ...]


def numbers(text: str) -> Numbers:
    """The decimal numbers in the evolve block of a Python program, or in all of it where it has no markers.

    Raises:
        SourceError: its tokens cannot be read.
    """
    before, block, _ = evolve_block.split(text)
    first = before.count("\n") + 1
    last = first + block.count("\n")
    starts = _line_starts(text)
    found: list[Literal] = []
    frame: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            line, column = token.start
            if token.type == tokenize.NUMBER and first <= line <= last and _changeable(token.string):
                found.append(Literal(starts[line - 1] + column, token.string, line))
                frame.append("")
            elif token.type not in _LEFT_OUT:
                frame.append(token.string)
    except (tokenize.TokenError, SyntaxError) as error:
        raise SourceError(f"the program's tokens cannot be read: {error}") from None
    return Numbers(tuple(found), tuple(frame))


def with_texts(text: str, changed: Mapping[Literal, str]) -> str:
    """The program with other texts in the places of these numbers."""
    for literal in sorted(changed, key=lambda one: -one.start):
        text = text[: literal.start] + changed[literal] + text[literal.start + len(literal.text) :]
    return text


def other(literal: str, rng: random.Random) -> str:
    """Another number of the same kind: whole numbers stay whole, and none becomes negative."""
    width = rng.choice(WIDTHS)
    if any(one in literal for one in ".eE"):
        value = float(literal.replace("_", ""))
        fresh = value * math.exp(rng.gauss(0.0, width)) if value else rng.choice(NEAR_ZERO)
        return repr(float(f"{fresh:.{rng.choice((2, 4))}g}")) if math.isfinite(fresh) else literal
    whole = int(literal.replace("_", ""))
    step = max(1, round(abs(rng.gauss(0.0, width)) * whole))
    return str(max(0, whole + rng.choice((-step, step))))


def mixed(first: str, second: str, rng: random.Random) -> str:
    """The first program with some of the numbers of the second, which has the same frame.

    Raises:
        SourceError: the frames differ, or no number does.
    """
    own, others = numbers(first), numbers(second)
    pairs = list(zip(own.literals, others.literals, strict=False))
    differing = [(one, there.text) for one, there in pairs if one.text != there.text]
    if own.frame != others.frame or not differing:
        raise SourceError("the programs do not differ in numbers alone")
    return with_texts(first, dict(some(differing, rng)))


def some(items: Sequence[Item], rng: random.Random) -> list[Item]:
    """One of the items at least, and each of the others by the toss of a coin, but never all of several."""
    sure = rng.randrange(len(items))
    taken = [place for place in range(len(items)) if place == sure or rng.random() < 0.5]
    if len(taken) == len(items) > 1:
        taken.remove(next(place for place in taken if place != sure))
    return [items[place] for place in taken]


def _changeable(number: str) -> bool:
    if any(one in number for one in "xXoObBjJ"):
        return False
    return any(one in number for one in ".eE") or int(number.replace("_", "")) <= LARGEST


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in io.StringIO(text):
        starts.append(starts[-1] + len(line))
    return starts
