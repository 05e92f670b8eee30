"""The sizes that a source names: module-level whole numbers, which may be given other values. Standard library only."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any

_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
}
_LARGEST = 1 << 40


def named_sizes(text: str) -> dict[str, int]:
    """Name → value of every module-level number that is written out; ``shape = (4, 256)`` gives shape_0 and shape_1.

    Args:
        text: Python; it is read, not run.
    """
    return {name: value for statement in ast.parse(text).body for name, value, _ in _assigned(statement)}


def compiled(text: str, path: str, sizes: Mapping[str, int], device: str) -> CodeType:
    """The source with other sizes, and with every mention of a GPU turned into another device.

    Args:
        text: Python.
        path: for tracebacks.
        sizes: name → value, names as :func:`named_sizes` gives them; numbers computed from them follow.
        device: "cpu", or "meta" for shapes without content.
    """
    tree = ast.parse(text, path)
    body: list[ast.stmt] = []
    for statement in tree.body:
        body.append(statement)
        changed = [(name, value, place) for name, value, place in _assigned(statement) if name in sizes]
        body += [_assignment(place, sizes[name], statement) for name, _, place in changed]
    tree.body = body
    return compile(ast.fix_missing_locations(_OnDevice(device).visit(tree)), path, "exec")


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, int, tuple[str, int]]]:
    """(size, value, (variable, index into it or -1)) of what a statement assigns."""
    targets: Sequence[ast.expr]
    match statement:
        case ast.Assign(targets=several, value=value):
            targets = several
        case ast.AnnAssign(target=only, value=ast.expr() as value):
            targets = [only]
        case _:
            return
    for target in targets:
        match target, value:
            case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                for one, other in zip(names, values, strict=True):
                    number = _number(other)
                    if isinstance(one, ast.Name) and number is not None:
                        yield one.id, number, (one.id, -1)
            case ast.Name(id=name), ast.Tuple(elts=values) | ast.List(elts=values):
                for index, other in enumerate(values):
                    number = _number(other)
                    if number is not None:
                        yield f"{name}_{index}", number, (name, index)
            case ast.Name(id=name), _:
                number = _number(value)
                if number is not None:
                    yield name, number, (name, -1)


def _number(node: ast.expr) -> int | None:
    """A whole number of at least 1 that is written out, as 2048 * 2 is; None for anything else."""
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            return value if 1 <= value <= _LARGEST else None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            one, other = _number(left), _number(right)
            if one is None or other is None or (isinstance(op, ast.Pow | ast.LShift) and other > 40):
                return None
            value = _OPERATIONS[type(op)](one, other) if not isinstance(op, ast.FloorDiv) or other else 0
            return value if 1 <= value <= _LARGEST else None
        case _:
            return None


def _assignment(place: tuple[str, int], value: int, after: ast.stmt) -> ast.stmt:
    name, index = place
    if index < 0:
        text = f"{name} = {value}"
    else:
        text = f"{name} = type({name})([*{name}[:{index}], {value}, *{name}[{index + 1}:]])"
    made = ast.parse(text).body[0]
    for node in ast.walk(made):
        ast.copy_location(node, after)
    return made


class _OnDevice(ast.NodeTransformer):
    def __init__(self, device: str) -> None:
        self._device = device

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str) and (node.value == "cuda" or node.value.startswith("cuda:")):
            return ast.copy_location(ast.Constant(self._device), node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        match node.values[:1]:
            case [ast.Constant(value=str(text))] if text.startswith("cuda"):  # f"cuda:{rank}"
                return ast.copy_location(ast.Constant(self._device), node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if self._device == "meta":  # nothing is drawn there, and no generator can be
            node.keywords = [one for one in node.keywords if one.arg != "generator"]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "Generator":
                node.args, node.keywords = [], []
        if isinstance(node.func, ast.Attribute) and node.func.attr == "cuda":
            to = ast.Attribute(node.func.value, "to", ast.Load())
            return ast.copy_location(ast.Call(to, [ast.Constant(self._device)], []), node)
        return node
