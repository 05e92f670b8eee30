"""OpenCL C as a tree: read and written by the C++ parser, which is lent words that it takes in the same places.

``__global`` is taken off on reading and put back on writing, before every pointer: in kernels as people and moves write
them nothing else is pointed to. LAUNCH lines go through as comments.
"""

from __future__ import annotations

import re
from dataclasses import replace

from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Declare, Function, Parameter, RawItem, Unit
from warploom.syntax.cpp.walk import Statements, map_bodies

_KERNEL, _LOCAL = "__forceinline", "__extension__"
_VEIL = "//:LAUNCH("
_LAUNCH = re.compile(r"^[ \t]*LAUNCH[ \t]*\(", re.MULTILINE)
_WORDS = (
    (re.compile(r"\b__global\b[ \t]*"), ""),
    (re.compile(r"\b(?:__kernel|kernel)\b(?=\s+(?:__attribute__|void\b))"), _KERNEL),
    (re.compile(r"\b__local\b"), _LOCAL),
)


def read(text: str) -> Unit:
    """The tree of this text; what the parser cannot read becomes Raw."""
    text = _LAUNCH.sub(_VEIL, text)
    for word, lent in _WORDS:
        text = word.sub(lent, text)
    return parse(text)


def write(unit: Unit) -> str:
    """The text of this tree; ``read(write(read(text))) == read(text)``."""
    text = render(Unit(tuple(_with_spaces(item) for item in unit.items)))
    text = text.replace(_VEIL, "LAUNCH(")
    text = re.sub(r"\bfloat16\(", "floats16(", text)  # a function of the support code, and a type here
    text = re.sub(r"\balignas\((\d+)\)", r"__attribute__((aligned(\1)))", text)
    return re.sub(rf"\b{_LOCAL}\b", "__local", re.sub(rf"\b{_KERNEL}\b", "__kernel", text))


def is_kernel(function: Function) -> bool:
    """Whether a function of a tree is a kernel, which work-groups run."""
    return _KERNEL in function.prefix.split()


def _with_spaces(item: Function | RawItem) -> Function | RawItem:
    """A function whose pointers say that they lead to global memory."""
    if isinstance(item, RawItem):
        return item
    parameters = tuple(Parameter(_global(one.type), one.name) for one in item.parameters)
    return replace(item, parameters=parameters, body=_in_body(item.body))


def _in_body(statements: Statements) -> Statements:
    return tuple(
        replace(one, type=_global(one.type)) if isinstance(one, Declare) else map_bodies(one, _in_body)
        for one in statements
    )


def _global(kind: str) -> str:
    return f"__global {kind}" if "*" in kind and _LOCAL not in kind.split() else kind
