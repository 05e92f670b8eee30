"""The reference function of a problem file, free of Warploom.

The text is taken apart, never run: what imports Warploom goes, what is built from those names goes too (the problem
itself, its workloads), and the rest stays as it was written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from warploom.errors import ProblemError

NAME = "reference"


@dataclass(frozen=True)
class FreeReference:
    """What a problem file says, without having been run.

    Attributes:
        text: a Python module that defines ``reference`` and imports nothing of Warploom; "" for an imported problem.
        inputs: their names in calling order; empty where they are not written as a dictionary.
        outputs: likewise.
    """

    text: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def free_reference(text: str, where: str, *, imported: bool = False) -> FreeReference:
    """Take a problem file apart.

    Args:
        text: of the problem file.
        where: the file's name, for messages.
        imported: the reference is a program in another format, which is left to whoever exports it.

    Raises:
        ProblemError: the file states no reference that can stand without Warploom.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ProblemError(f"{where}: the problem file cannot be read: {error}") from None
    tainted: set[str] = set()
    kept: list[ast.stmt] = []
    call: ast.Call | None = None
    for statement in tree.body:
        if _imports_warploom(statement):
            tainted.update(_bound(statement))
        elif tainted & set(_names(statement)):
            tainted.update(_bound(statement))
            call = _problem_call(statement) or call
        else:
            kept.append(statement)
    if call is None:
        raise ProblemError(f"{where}: no `reference=` of a Problem(…) at the top level; write one there")
    expression = _keyword(call, "reference")
    assert expression is not None, "so it was found"
    if imported:
        return FreeReference("", _keys(_keyword(call, "inputs")), _keys(_keyword(call, "outputs")))
    entangled = tainted & {name for part in (*kept, expression) for name in _names(part)}
    if entangled:
        raise ProblemError(
            f"{where}: the reference uses {', '.join(sorted(entangled))}, which is made from Warploom's own names; "
            "write it with PyTorch alone"
        )
    own = _as_written(text, tree, _used(kept, expression))
    if isinstance(expression, ast.Name) and expression.id == NAME:
        module = own
    else:
        module = f"{own.rstrip()}\n\n\n{NAME} = {ast.unparse(expression)}\n"
    return FreeReference(module, _keys(_keyword(call, "inputs")), _keys(_keyword(call, "outputs")))


def _imports_warploom(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(names=names):
            return any(alias.name.split(".")[0] == "warploom" for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            return module.split(".")[0] == "warploom"
    return False


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives a value."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.split(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _names(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id


def _problem_call(statement: ast.stmt) -> ast.Call | None:
    """The call in this statement that is given a ``reference=``."""
    calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call))
    return next((call for call in calls if _keyword(call, "reference") is not None), None)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _keys(expression: ast.expr | None) -> tuple[str, ...]:
    """The keys of a dictionary as it is written; none where they cannot be read off."""
    match expression:
        case ast.Dict(keys=keys):
            names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            names = [keyword.arg for keyword in keywords]
        case _:
            names = [None]
    return tuple(str(name) for name in names) if all(isinstance(name, str) for name in names) else ()


def _used(kept: list[ast.stmt], expression: ast.expr) -> list[ast.stmt]:
    """Without the assignments that nothing refers to any more: sizes that only a workload had a use for."""
    idle = [one for one in kept if isinstance(one, ast.Assign | ast.AnnAssign)]
    alive = {name for part in (expression, *kept) if part not in idle for name in _names(part)}
    while revived := [one for one in idle if alive & set(_bound(one))]:
        idle = [one for one in idle if one not in revived]
        alive.update(name for one in revived for name in _names(one))
    return [one for one in kept if one not in idle]


def _as_written(text: str, tree: ast.Module, kept: list[ast.stmt]) -> str:
    """The kept statements with their comments and spacing; re-written where lines are shared with others."""
    wanted = ast.unparse(ast.Module(kept, []))
    lines = text.splitlines(keepends=True)
    for statement in tree.body:
        if statement not in kept:
            first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
            for number in range(first - 1, statement.end_lineno or first):
                lines[number] = ""
    written = "".join(lines).strip() + "\n"
    try:
        return written if ast.unparse(ast.parse(written)) == wanted else wanted + "\n"
    except SyntaxError:
        return wanted + "\n"
