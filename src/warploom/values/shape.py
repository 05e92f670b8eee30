"""Symbolic shapes: ``"rows cols"`` or ``"batch (height-3)//2+1"``, read without ``eval``.

A shape is words separated by spaces; each word is an integer, an axis name, or an
arithmetic expression of them (``+ - * //`` and brackets, no spaces inside a word).
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

from warploom.errors import ProblemError

_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


LONGEST = 200
"""Letters of an expression at most."""

_LETTERS = re.compile(r"[A-Za-z0-9_+*/%() -]+")
_NO_NUMBER = re.compile(r"\b[0-9]+[A-Za-z_]|[0-9]{19}")


def extent(word: str, axes: Mapping[str, int]) -> int:
    """The value of one word of a shape.

    Raises:
        ProblemError: the word is no integer expression of the given axes.
    """
    try:
        if len(word) > LONGEST or not _LETTERS.fullmatch(word) or _NO_NUMBER.search(word):
            raise SyntaxError
        return _value(ast.parse(word, mode="eval").body, word, axes)
    except SyntaxError:
        raise ProblemError(f"shape word {word[:80]!r} is not an integer expression") from None
    except ZeroDivisionError:
        raise ProblemError(f"shape word {word!r} divides by zero where {_listed(axes)}") from None


def extents(shape: str, axes: Mapping[str, int]) -> tuple[int, ...]:
    """The concrete shape; ``()`` for the empty string, a scalar."""
    return tuple(extent(word, axes) for word in shape.split())


def _listed(axes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} is {length}" for name, length in axes.items())


def _value(node: ast.expr, word: str, axes: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            return value
        case ast.Name(id=name):
            if name not in axes:
                known = ", ".join(axes) or "none"
                raise ProblemError(f"shape word {word!r} names the axis {name!r}; the axes are: {known}")
            return axes[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left, word, axes), _value(right, word, axes))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, word, axes)
        case _:
            raise ProblemError(f"shape word {word!r} may use integers, axis names, + - * // % and brackets")
