"""Cutting the range of a loop into blocks, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from warploom.propose.moves.cpp.nests import Statements
from warploom.syntax.cpp.affine import add, integer, multiply, number, simplify, subtract
from warploom.syntax.cpp.tree import Binary, Declare, Expression, If, Loop, Name, Number, Ternary
from warploom.syntax.cpp.walk import substitute


def whole(lower: Expression, upper: Expression, width: int) -> Expression:
    """The end of the last whole block of ``width`` between ``lower`` and ``upper``."""
    if width == 1:
        return upper
    count = subtract(upper, lower)
    known = integer(count)
    if known is not None:
        return add(lower, Number(str(max(known, 0) // width * width)))
    return add(lower, multiply(Binary("/", count, Number(str(width))), Number(str(width))))


def steps(begin: Expression, loop: Loop, widths: list[int]) -> list[Piece]:
    """The range from ``begin`` to the loop's end in blocks of ``widths[0]``, then of the next width, down to one.

    Parts that are known to be empty are left out.
    """
    found = []
    for width in widths:
        end = whole(begin, loop.upper, width)
        if simplify(subtract(end, begin)) != Number("0"):
            found.append(Piece(begin, end, width))
        begin = end
    return found


def minimum(left: Expression, right: Expression) -> Expression:
    """``left < right ? left : right``."""
    return Ternary(Binary("<", left, right), left, right)


@dataclass(frozen=True)
class Piece:
    """A part of a loop's range, done in blocks of ``width``.

    Attributes:
        lower: where it begins.
        upper: where it ends.
        width: iterations of a block.
        last: where a block begins at the latest, so that the last one reaches back over what is done already
            instead of beyond the end; None when the blocks fit.
    """

    lower: Expression
    upper: Expression
    width: int
    last: Expression | None = None


def pieces(begin: Expression, loop: Loop, width: int, smallest: int) -> list[Piece]:
    """The range from ``begin`` to the loop's end, less than ``width``, in blocks of ``smallest`` or twice that.

    What does not fill a block is done by one that overlaps its neighbour; only a loop shorter than ``smallest`` is left
    to single iterations.
    """
    total = subtract(loop.upper, loop.lower)
    found = []
    first = begin
    rest = min(width, 2 * smallest)
    if rest > smallest:
        fits = Binary(">=", total, Number(str(rest)))
        stop = Ternary(fits, subtract(loop.upper, Number(str(smallest))), begin)
        found.append(Piece(begin, stop, rest, subtract(loop.upper, Number(str(rest)))))
        count = Binary("/", add(subtract(loop.upper, begin), Number(str(rest - smallest - 1))), Number(str(rest)))
        begin = Ternary(fits, add(begin, multiply(count, Number(str(rest)))), begin)
    latest = subtract(loop.upper, Number(str(smallest)))
    fits = Binary(">=", total, Number(str(smallest)))
    found.append(Piece(Ternary(fits, begin, loop.upper), loop.upper, smallest, latest))
    found.append(Piece(Ternary(fits, loop.upper, first), loop.upper, 1))
    return found


def in_pieces(loop: Loop, cut: list[Piece], body: Callable[[int], Statements]) -> Statements:
    """One loop for each piece, its body made for the piece's width."""
    made = []
    for piece in cut:
        inside = body(piece.width)
        if piece.last is not None:
            at = f"{loop.variable}_at"
            start = Declare(f"const {loop.type}", at, minimum(Name(loop.variable), piece.last))
            inside = (start, *substitute(inside, {loop.variable: Name(at)}))
        made.append(replace(loop, lower=piece.lower, upper=piece.upper, step=number(piece.width), body=inside))
    return tuple(made)


def one_loop(loop: Loop, width: int, block: Statements, left: Callable[[Expression], Statements]) -> Statements:
    """The loop in blocks of ``width``, with what is left of its range done inside its last turn.

    So it stays one loop, which threads can share, however its range divides. ``left`` gives the loops for the range
    from the given beginning to the end.
    """
    begin, end = Name(loop.variable), add(Name(loop.variable), Number(str(width)))
    inner = f"{loop.variable}_r"
    rest = tuple(
        replace(one, variable=inner, body=substitute(one.body, {loop.variable: Name(inner)}))
        for one in left(begin)
        if isinstance(one, Loop)
    )
    if not rest:
        return (replace(loop, step=number(width), body=block),)
    return (replace(loop, step=number(width), body=(If(Binary("<=", end, loop.upper), block, rest),)),)
