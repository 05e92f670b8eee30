"""One hash for all spellings of a C++ source: comments, white space and local names do not count."""

from __future__ import annotations

import hashlib

from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Comment, Declare, Function, Loop, Name, Parameter, RawItem, Statement, Unit
from warploom.syntax.cpp.walk import Statements, map_bodies, substitute, walk


def fingerprint(source: str) -> str:
    """Sixteen hex digits, equal for sources that differ in comments, layout and the names of locals alone."""
    items: list[Function | RawItem] = []
    for item in parse(source).items:
        if isinstance(item, Function):
            items.append(_anonymous(item))
        elif not item.text.startswith(("//", "/*")):
            items.append(RawItem(" ".join(item.text.split())))
    return hashlib.sha256(render(Unit(tuple(items))).encode()).hexdigest()[:16]


def _anonymous(function: Function) -> Function:
    body = _without_comments(function.body)
    names = [parameter.name for parameter in function.parameters]
    for statement in walk(body):
        if isinstance(statement, Declare):
            names.append(statement.name)
        elif isinstance(statement, Loop):
            names.append(statement.variable)
    plain = {name: f"v{place}" for place, name in enumerate(dict.fromkeys(names))}
    parameters = tuple(Parameter(parameter.type, plain[parameter.name]) for parameter in function.parameters)
    renamed = substitute(body, {old: Name(new) for old, new in plain.items()})
    return Function(function.name, function.result, parameters, renamed, " ".join(function.prefix.split()))


def _without_comments(statements: Statements) -> Statements:
    kept: list[Statement] = [
        map_bodies(statement, _without_comments) for statement in statements if not isinstance(statement, Comment)
    ]
    return tuple(kept)
