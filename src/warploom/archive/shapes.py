"""What shape a program has that is no kernel, so that the archive keeps programs of different shapes.

Three axes of four levels: how long it is, how many functions it has, how many loops and branches. Of Python they are
read off the syntax tree, so that comments and names count for nothing; of others off the words outside of comments.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right

LENGTHS = (200, 500, 1200)
"""Nodes or words from which on a program is on the next level."""

FUNCTIONS = (2, 4, 8)
TURNS = (3, 8, 16)
"""Loops and branches likewise."""

_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_WORD = re.compile(r"\w+|[^\w\s]")
_FUNCTION = frozenset({"def", "fn", "func", "function", "lambda"})
_TURN = frozenset({"for", "while", "loop", "if", "match", "switch", "case"})
_TURNING = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.IfExp, ast.comprehension, ast.match_case, ast.ExceptHandler)


def describe_program(language: str, text: str) -> tuple[int, int, int]:
    """The level on each axis, 0 to 3.

    Args:
        language: of the program, such as "python".
        text: of it.
    """
    counts = _tree(text) if language == "python" else None
    length, functions, turns = counts or _words(text)
    return bisect_right(LENGTHS, length), bisect_right(FUNCTIONS, functions), bisect_right(TURNS, turns)


def _tree(text: str) -> tuple[int, int, int] | None:
    """Nodes, functions, loops and branches of a Python program; None for one that is none."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = sum(isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) for one in nodes)
    return len(nodes), functions, sum(isinstance(one, _TURNING) for one in nodes)


def _words(text: str) -> tuple[int, int, int]:
    words = _WORD.findall(_COMMENT.sub(" ", text))
    return len(words), sum(one in _FUNCTION for one in words), sum(one in _TURN for one in words)
