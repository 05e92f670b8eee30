"""The reference of a problem as text: its function and what that function needs, and nothing else of the file."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

from warploom.problems.native import text_hash
from warploom.values.problem import Reference

_SECRETS = frozenset({"Problem", "Workload"})
"""A statement with one of these names is part of the problem, not of the formula: it may say what is held out."""


def formula(reference: Reference) -> str:
    """The source of the reference function, with the definitions and imports of its file that it uses.

    Args:
        reference: where it is written.

    Returns:
        Python; "" when the file is no longer what it was, or the function is not written in it.
    """
    return _formula(reference.path, reference.name, reference.sha256)


@lru_cache(maxsize=64)
def _formula(path: str, function: str, sha256: str) -> str:
    try:
        data = Path(path).read_bytes()
        tree = ast.parse(data)
        text = data.decode()
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ""
    if text_hash(text) != sha256:
        return ""
    own = {name: statement for statement in tree.body for name in _defined(statement)}
    wanted, found = [function], {}
    while wanted:
        name = wanted.pop()
        statement = own.get(name)
        if statement is None or name in found or _names(statement) & _SECRETS:
            continue
        found[name] = statement
        wanted += _names(statement)
    if function not in found:
        return ""
    kept = sorted({id(one): one for one in found.values()}.values(), key=lambda one: one.lineno)
    return "\n\n".join(_lines(text, statement) for statement in kept)


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [alias.asname or alias.name.partition(".")[0] for alias in names]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _names(statement: ast.stmt) -> set[str]:
    named = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return named | {
        alias.name for node in ast.walk(statement) if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def _lines(text: str, statement: ast.stmt) -> str:
    first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
    return "\n".join(text.split("\n")[first - 1 : statement.end_lineno])
