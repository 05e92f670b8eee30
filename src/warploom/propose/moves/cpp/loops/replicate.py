"""Unroll-and-jam: several copies of a loop body side by side, sharing what does not change between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, mentions, raw_local, varying
from warploom.syntax.cpp.affine import add, number, simplify
from warploom.syntax.cpp.query import names_declared, names_in, names_written, root_name
from warploom.syntax.cpp.tree import (
    Assign,
    Block,
    Declare,
    Expression,
    If,
    Loop,
    Name,
    RawStatement,
    Statement,
)
from warploom.syntax.cpp.walk import bodies, map_statements, substitute, walk


def jam(statements: Statements, variable: str, factor: int) -> Statements:
    """``factor`` copies of the statements, for ``variable``, ``variable + 1``, …, side by side.

    Inner loops whose bounds do not change with ``variable`` run once and do the work of all copies; locals that change
    with it get a copy each (``acc_0``, ``acc_1``, …); statements that do not change with it stay single.

    Raises:
        NotApplicable: a statement outside the subset depends on ``variable``.
    """
    if factor == 1:
        return statements
    names = varying(statements, variable)
    own = names_declared(statements) | {raw.group(2) for s in walk(statements) if (raw := raw_local(s)) is not None}
    locals_ = names & own
    for name in names - own - {variable}:
        _only_updated(statements, name)
    written = names_written(statements)
    for statement in walk(statements):
        if isinstance(statement, Declare) and statement.name in locals_ & written and "*" in statement.type:
            raise NotApplicable(f"every copy would write to the memory behind {statement.name}")
    mappings: list[Mapping[str, Expression]] = [
        {
            variable: add(Name(variable), number(copy)),
            **{name: Name(f"{name}_{copy}") for name in locals_},
        }
        for copy in range(factor)
    ]
    return map_statements(_jam(statements, names, mappings, own), simplify)


def _only_updated(statements: Statements, name: str) -> None:
    """Declines a scalar carried from one iteration to the next that anything but its own update looks at."""
    using = [statement for statement in statements if mentions(statement, {name})]
    for statement in using:
        for body in bodies(statement) if isinstance(statement, Loop | Block) else ():
            _only_updated(body, name)
    if len(using) > 1:
        raise NotApplicable(f"{name} is carried from one iteration to the next")


def _accumulates(statement: Statement, own: set[str]) -> bool:
    """Whether it adds to something that outlives the copies, so that each copy must do it."""
    match statement:
        case Assign(target, op, _):
            return op != "=" and root_name(target) not in own
        case _:
            return isinstance(statement, Loop | If)


def _jam(
    statements: Statements, names: set[str], mappings: list[Mapping[str, Expression]], own: set[str]
) -> Statements:
    made: list[Statement] = []
    for statement in statements:
        match statement:
            case Loop(variable, lower, upper, body) if variable not in names and not (
                (names_in(lower) | names_in(upper)) & names
            ):
                made.append(replace(statement, body=_jam(body, names, mappings, own)))
            case If(condition, then, otherwise) if not names_in(condition) & names:
                made.append(If(condition, _jam(then, names, mappings, own), _jam(otherwise, names, mappings, own)))
            case Block(body):
                made.append(replace(statement, body=_jam(body, names, mappings, own)))
            case RawStatement() if raw_local(statement) is None and mentions(statement, names):
                raise NotApplicable(f"cannot make copies of: {statement.text.splitlines()[0]}")
            case _ if not mentions(statement, names) and not _accumulates(statement, own):
                made.append(statement)
            case _:
                for mapping in mappings:
                    made += substitute((statement,), mapping)
    return tuple(made)
