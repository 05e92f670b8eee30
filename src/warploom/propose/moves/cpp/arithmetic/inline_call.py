"""``inline_call``: the body of a small function in place of its call, so that other moves see through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.query import all_names, fresh
from warploom.syntax.cpp.tree import (
    Assign,
    Call,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Function,
    If,
    Name,
    Return,
    Statement,
    Ternary,
    Unit,
)
from warploom.syntax.cpp.walk import (
    Statements,
    all_parts,
    map_bodies,
    map_expression,
    map_statement,
    substitute,
    substitute_in,
    with_function,
)
from warploom.values.candidate import Scalar


class InlineCall:
    """Every call of one function inside another: its arguments and locals become locals of the caller.

    Inlined are functions of scalars made of declarations and a value: ``return``, or a chain of ``if (…) return``.
    """

    name = "inline_call"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Label ``"caller:callee"``."""
        small = {function.name for function in unit.functions if _value(function) is not None}
        found = []
        for caller in unit.functions:
            called = {part.function for part in all_parts(caller.body) if isinstance(part, Call)}
            for name in sorted((called & small) - {caller.name}):
                label = f"{caller.name}:{name}"
                if _inlined(unit, label) is not None:
                    found.append(Site(label))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        made = _inlined(unit, label)
        if made is None:
            raise NotApplicable(f"nothing to inline at {label}")
        return made


def _value(function: Function) -> tuple[list[Declare], Expression] | None:
    """The declarations and the value of a function that is nothing else."""
    scalars = all("*" not in one.type and "&" not in one.type and "[" not in one.name for one in function.parameters)
    if function.result not in ("float", "double") or not scalars:
        return None
    body = [statement for statement in function.body if not isinstance(statement, Comment)]
    # What is declared between two returns has no effect: it may come first.
    declared = [one for one in body if isinstance(one, Declare) and one.value is not None and not one.extents]
    value = _returned([one for one in body if one not in declared])
    return None if value is None else (declared, value)


def _returned(body: Sequence[Statement]) -> Expression | None:
    match list(body):
        case [Return(value)]:
            return value
        case [If(condition, (Return(then),), ()), *rest] if then is not None:
            otherwise = _returned(rest)
            return None if otherwise is None else Ternary(condition, then, otherwise)
        case [If(condition, (Return(then),), (Return(otherwise),))] if then is not None and otherwise is not None:
            return Ternary(condition, then, otherwise)
        case _:
            return None


def _inlined(unit: Unit, label: str) -> Unit | None:
    name, _, called = label.partition(":")
    functions = {function.name: function for function in unit.functions}
    if name not in functions or called not in functions or name == called:
        return None
    caller, callee = functions[name], functions[called]
    parts = _value(callee)
    if parts is None or any(isinstance(part, Call) and part.function == called for part in all_parts(callee.body)):
        return None
    declared, value = parts
    taken = all_names(caller)

    def expand(part: Expression, before: list[Statement]) -> Expression:
        if not isinstance(part, Call) or part.function != called or len(part.arguments) != len(callee.parameters):
            return part
        mapping: dict[str, Expression] = {}
        for parameter, argument in zip(callee.parameters, part.arguments, strict=True):
            local = fresh(parameter.name, taken)
            kind = parameter.type if parameter.type.startswith("const ") else f"const {parameter.type}"
            before.append(Declare(kind, local, argument))
            mapping[parameter.name] = Name(local)
        for one in declared:
            mapping[one.name] = Name(fresh(one.name, taken))
            before += substitute((one,), mapping)
        return substitute_in(value, mapping)

    def change(body: Statements) -> Statements:
        made: list[Statement] = []
        for statement in body:
            before: list[Statement] = []

            def one(part: Expression, before: list[Statement] = before) -> Expression:
                return expand(part, before)

            if isinstance(statement, Declare | Assign | Evaluate | Return):
                statement = map_statement(statement, one)
            elif isinstance(statement, If):
                condition = map_expression(statement.condition, one)
                statement = If(condition, change(statement.then), change(statement.otherwise))
            else:
                statement = map_bodies(statement, change)
            made += [*before, statement]
        return tuple(made)

    body = change(caller.body)
    return None if body == caller.body else with_function(unit, replace(caller, body=body))


MOVES: tuple[Move, ...] = (InlineCall(),)
