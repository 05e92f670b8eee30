"""What a Triton kernel's text may hold: jitted functions and constants, so that little of it runs as plain Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_MODULES = frozenset(
    {"triton", "triton.language", "triton.language.math", "triton.language.extra", "triton.language.extra.libdevice"}
)

_DOORS = re.compile(
    "backends|breakpoint|builtins|compile|compiler|core|dataclasses|delattr|driver|eval|exec|functools|getattr|globals"
    "|importlib|input|inspect|io|knobs|locals|object|open|operator|os|pathlib|runtime|semantic|setattr|standard"
    "|subprocess|super|sys|testing|tools|type|typing|vars"
)
"""Names that lead out of Triton: to modules it has imported, or to Python itself."""


def complaints(tree: ast.Module) -> Iterator[str]:
    """One line for each thing that no Triton kernel needs, with its place."""
    for statement in tree.body:
        said = _top(statement)
        if said:
            yield f"line {statement.lineno}: {said}"
    for node in ast.walk(tree):
        said = _anywhere(node)
        if said:
            yield f"line {getattr(node, 'lineno', 1)}: {said}"


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """The top-level function of this name."""
    return next((one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == name), None)


def is_constexpr(argument: ast.arg) -> bool:
    """Whether an argument is annotated ``tl.constexpr``."""
    return argument.annotation is not None and ast.unparse(argument.annotation).rpartition(".")[2] == "constexpr"


def _top(statement: ast.stmt) -> str:
    match statement:
        case ast.Import(names=names):
            bad = [name.name for name in names if name.name not in _MODULES]
            return f"{bad[0]!r} cannot be imported; triton and triton.language can" if bad else ""
        case ast.ImportFrom(module=module, level=level):
            if level or module not in _MODULES:
                return f"{module!r} cannot be imported from; triton and triton.language can"
            return ""
        case ast.FunctionDef(decorator_list=[decorator]) if ast.unparse(decorator) in ("triton.jit", "jit"):
            return ""
        case ast.FunctionDef(name=name):
            return f"{name} must be decorated with @triton.jit, and with nothing else"
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
            bad = [ast.unparse(call.func) for call in calls if not ast.unparse(call.func).endswith("constexpr")]
            return f"{bad[0]} is called outside a kernel" if bad else ""
        case ast.Expr(value=ast.Constant()):
            return ""
    return "only imports, constants and functions with @triton.jit may stand outside a kernel"


def _anywhere(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) if _DOORS.fullmatch(name) or name.startswith("__"):
            return f"{name} cannot be used in a kernel"
        case ast.alias(name=name) if _DOORS.fullmatch(name.rpartition(".")[2]) or name.startswith("_") or name == "*":
            return f"{name!r} cannot be imported"
        case ast.Attribute(attr=attribute) if _DOORS.fullmatch(attribute) or attribute.startswith("_"):
            return f"the attribute {attribute} cannot be used in a kernel"
        case ast.Lambda() | ast.ClassDef() | ast.AsyncFunctionDef() | ast.Global() | ast.Nonlocal() | ast.With():
            return f"{type(node).__name__} cannot be used in a kernel"
        case ast.Import() | ast.ImportFrom() if node.col_offset:
            return "imports stand at the top"
    return ""
