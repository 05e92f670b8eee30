"""Statements of a Triton kernel in which nothing is loaded twice: what was read first is kept in registers."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy

from warploom.syntax.triton_text import assigned, pointer


def read_once(body: Sequence[ast.stmt], fresh: Callable[[str], str]) -> list[ast.stmt] | None:
    """The statements with each repeated load made once and held.

    Two loads are the same when every name in them stands for the same value, which is found by numbering values, and
    when nothing was stored through their pointer in between.

    Args:
        body: statements in a row.
        fresh: a new name like this one.

    Returns:
        None where no load is repeated.
    """
    first = _Numbers()
    for statement in body:
        first.see(statement)
    again = {key for key, count in first.loads.items() if count > 1}
    if not again:
        return None
    second, made = _Numbers(), list[ast.stmt]()
    keep = _Keep(second, again, fresh)
    for statement in body:
        if isinstance(statement, ast.For | ast.While | ast.If):
            second.see(statement)
            made.append(statement)
            continue
        keep.held = []
        kept = keep.visit(deepcopy(statement))
        second.see(statement)
        made += [*keep.held, kept]
    return made


class _Numbers:
    """Which value each name stands for, as far as the statements were seen; how often each value was loaded."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._stored: Counter[str] = Counter()
        self.loads: Counter[str] = Counter()

    def _new(self) -> int:
        return self._known.setdefault(f"#{len(self._known)}", len(self._known))

    def key(self, expression: ast.expr) -> str:
        """The same for two expressions of the same value."""
        if isinstance(expression, ast.Call) and ast.unparse(expression.func) == "tl.load" and expression.args:
            name = pointer(expression.args[0])
            return f"{self._stored[name]} {self._numbered(expression)}"
        return self._numbered(expression)

    def _numbered(self, expression: ast.expr) -> str:
        return ast.unparse(_Renamed(self._names).visit(deepcopy(expression)))

    def see(self, statement: ast.stmt) -> None:
        """Take note of what a statement loads, stores and assigns."""
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args]
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr):
            self.loads.update(self.key(call) for call in calls if ast.unparse(call.func) == "tl.load")
        self._stored.update(pointer(call.args[0]) for call in calls if ast.unparse(call.func) != "tl.load")
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._names[name] = self._known.setdefault(self.key(value), len(self._known))
            case _:
                self._names |= {name: self._new() for name in assigned(statement)}


class _Renamed(ast.NodeTransformer):
    """Numbers in the place of names."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(f"_{self._numbers[node.id]}") if node.id in self._numbers else node


class _Keep(ast.NodeTransformer):
    """Names in the place of loads that come again; ``held`` says what is to stand before the statement."""

    def __init__(self, numbers: _Numbers, again: set[str], fresh: Callable[[str], str]) -> None:
        self._numbers, self._again, self._fresh = numbers, again, fresh
        self._kept: dict[str, str] = {}
        self.held: list[ast.stmt] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        key = self._numbers.key(node)
        if ast.unparse(node.func) != "tl.load" or key not in self._again:
            return self.generic_visit(node)  # type: ignore[return-value]
        if key not in self._kept:
            self._kept[key] = self._fresh(f"held_{len(self._kept) + 1}")
            self.held.append(ast.Assign([ast.Name(self._kept[key])], node, lineno=0))
        return ast.Name(self._kept[key])
