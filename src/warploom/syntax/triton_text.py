"""The text of a Triton kernel with its syntax tree: where things stand, so that they can be changed in place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from warploom.errors import SourceError
from warploom.syntax.span import Edit

_LAUNCH = re.compile(r"^[ \t]*LAUNCH[ \t]*\(.*$", re.MULTILINE)


class TritonText:
    """A source, TUNE and LAUNCH lines included: to Python they are calls like any other.

    Args:
        text: of the source.

    Raises:
        SourceError: it is no Python.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise SourceError(f"the source is no Python: {error}") from None

    @cached_property
    def _lines(self) -> list[tuple[int, str]]:
        """Where each line begins, and its text."""
        found, at = [], 0
        for line in self.text.split("\n"):
            found.append((at, line))
            at += len(line) + 1
        return found

    def place(self, line: int, column: int) -> int:
        """Place in the text of a tree's line (from 1) and column (in bytes)."""
        begin, text = self._lines[line - 1]
        return begin + len(text.encode()[:column].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> tuple[int, int]:
        """Where a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.place(node.lineno, node.col_offset), self.place(node.end_lineno, node.end_col_offset)

    def replace(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword, text: str) -> Edit:
        """The edit that puts this text in a node's place."""
        return Edit(*self.span(node), text)

    @property
    def functions(self) -> list[ast.FunctionDef]:
        """Those at the top, in order."""
        return [one for one in self.tree.body if isinstance(one, ast.FunctionDef)]

    @cached_property
    def kernel(self) -> ast.FunctionDef | None:
        """The function that is launched: the last that no other one calls; None where there is none."""
        called = {ast.unparse(call.func) for function in self.functions for call in calls(function)}
        return next((one for one in reversed(self.functions) if one.name not in called), None)

    @property
    def stands_alone(self) -> bool:
        """Whether the kernel's statements begin on a line of their own, so that lines may be put before them."""
        if self.kernel is None:
            return False
        first = self.kernel.body[0]
        return not self._lines[first.lineno - 1][1].encode()[: first.col_offset].strip()

    @property
    def names(self) -> set[str]:
        """Every name that stands in the source."""
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)} | {
            node.arg for node in ast.walk(self.tree) if isinstance(node, ast.arg)
        }

    @property
    def tuned(self) -> set[str]:
        """Names with a TUNE line."""
        return {
            call.args[0].id
            for call in calls(self.tree)
            if ast.unparse(call.func) == "TUNE" and call.args and isinstance(call.args[0], ast.Name)
        }

    @property
    def launch(self) -> tuple[int, int] | None:
        """Where the LAUNCH line stands; None where there is not one."""
        found = list(_LAUNCH.finditer(self.text))
        return found[0].span() if len(found) == 1 else None

    @property
    def launched(self) -> dict[str, list[str]]:
        """What the LAUNCH line says: ``grid``, ``workspace`` → expressions; {} where there is none."""
        for call in calls(self.tree):
            if ast.unparse(call.func) == "LAUNCH":
                return {
                    keyword.arg: [ast.unparse(part) for part in getattr(keyword.value, "elts", [keyword.value])]
                    for keyword in call.keywords
                    if keyword.arg
                }
        return {}

    @property
    def grid(self) -> list[str]:
        """The expressions of the grid; none where the LAUNCH line does not say."""
        return self.launched.get("grid", [])

    def fresh(self, name: str) -> str:
        """A name like this one that the source does not have."""
        taken = self.names
        return next(one for one in (name, *(f"{name}_{count}" for count in range(2, 1000))) if one not in taken)

    def statements(self, function: ast.FunctionDef) -> list[ast.stmt]:
        """Those of a function, its docstring left out."""
        rest = function.body[1:] if ast.get_docstring(function) is not None else function.body
        return rest or function.body

    def lines(self, first: ast.stmt, last: ast.stmt | None = None) -> tuple[int, int]:
        """Where the lines from one statement to another begin and end."""
        end = (last or first).end_lineno
        assert end is not None
        begin, text = self._lines[end - 1]
        return self._lines[first.lineno - 1][0], begin + len(text)

    def body(self, function: ast.FunctionDef) -> tuple[int, int]:
        """Where the statements of a function stand, whole lines, its docstring left out."""
        statements = self.statements(function)
        return self.lines(statements[0], statements[-1])


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Every call below a node, in the order of the text."""
    found = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def loops(function: ast.FunctionDef) -> Iterator[tuple[str, ast.For]]:
    """Every loop of a function over one variable, and its label: ``function:variable:number``, counted from 1."""
    seen: dict[str, int] = {}
    found = [one for one in ast.walk(function) if isinstance(one, ast.For) and isinstance(one.target, ast.Name)]
    for loop in sorted(found, key=lambda one: (one.lineno, one.col_offset)):
        base = f"{function.name}:{ast.unparse(loop.target)}"
        seen[base] = seen.get(base, 0) + 1
        yield f"{base}:{seen[base]}", loop


def assigned(node: ast.AST) -> set[str]:
    """Every name that is given a value at a node or below it."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def pointer(expression: ast.expr) -> str:
    """The name that an address begins with: ``x`` of ``x + row * cols + col``; "" where there is none."""
    while isinstance(expression, ast.BinOp):
        expression = expression.left
    return expression.id if isinstance(expression, ast.Name) else ""


def indented(text: str, deep: int = 4) -> str:
    """The lines of a text, so many spaces further in."""
    return "\n".join(" " * deep + line if line.strip() else line for line in text.split("\n"))
