"""Parts of Python programs that go by a name, and programs that are made of the parts of two."""

from __future__ import annotations

import ast
import random

from warploom.errors import SourceError
from warploom.propose.programs.literals import some
from warploom.syntax import evolve_block

_DECORATED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Lines = tuple[int, int]
"""First line, from 1, and last."""


def parts(text: str) -> dict[str, Lines]:
    """Functions, classes, methods and plain assignments in the evolve block → their lines; not what is named twice.

    Raises:
        SourceError: the program cannot be read.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"the program cannot be read: {error}") from None
    before, block, _ = evolve_block.split(text)
    first = before.count("\n") + 1
    last = first + block.count("\n")
    found: dict[str, Lines] = {}
    twice: set[str] = set()
    waiting = [("", one) for one in tree.body]
    for place, statement in waiting:
        if isinstance(statement, ast.ClassDef):
            waiting += [(f"{place}{statement.name}.", one) for one in statement.body]
        name, lines = _name(statement), _lines(statement)
        if not name or not first <= lines[0] <= lines[1] <= last:
            continue
        twice |= {place + name} & set(found)
        found[place + name] = lines
    return {name: lines for name, lines in found.items() if name not in twice}


def crossed(first: str, second: str, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """The first program with some of the second's parts in the places of its own, and the names of these.

    Raises:
        SourceError: no part of the same name differs, or one of them cannot be read.
    """
    own, others = parts(first), parts(second)
    mine, theirs = first.split("\n"), second.split("\n")
    texts = {name: _text(theirs, others[name]) for name in own.keys() & others.keys()}
    differing = sorted(name for name, text in texts.items() if text != _text(mine, own[name]))
    # Methods go apart: a class that is taken whole would take them too.
    differing = [name for name in differing if not any(one.startswith(f"{name}.") for one in differing)]
    if not differing:
        raise SourceError("the programs share no part that differs")
    taken = some(differing, rng)
    for name in sorted(taken, key=lambda one: -own[one][0]):
        begin, end = own[name]
        mine[begin - 1 : end] = texts[name]
    return "\n".join(mine), tuple(taken)


def _text(lines: list[str], place: Lines) -> list[str]:
    return lines[place[0] - 1 : place[1]]


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return ""


def _lines(statement: ast.stmt) -> Lines:
    decorators = statement.decorator_list if isinstance(statement, _DECORATED) else []
    first = min([statement.lineno, *(one.lineno for one in decorators)])
    return first, statement.end_lineno or statement.lineno
