"""Going over a tree: every node of it, or a changed copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from warploom.syntax.cpp.parse_expression import IDENTIFIER
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Cast,
    Declare,
    Evaluate,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    RawExpression,
    RawStatement,
    Return,
    Statement,
    Ternary,
    Unary,
    Unit,
)

Statements = tuple[Statement, ...]


_OPERANDS: Mapping[type, Callable[[Any], tuple[Expression, ...]]] = {
    Index: lambda node: (node.base, node.index),
    Call: lambda node: tuple(node.arguments),
    Unary: lambda node: (node.operand,),
    Cast: lambda node: (node.operand,),
    Binary: lambda node: (node.left, node.right),
    Ternary: lambda node: (node.condition, node.then, node.otherwise),
}


def children(expression: Expression) -> tuple[Expression, ...]:
    """The direct operands."""
    operands = _OPERANDS.get(type(expression))
    return operands(expression) if operands else ()


def parts(expression: Expression) -> Iterator[Expression]:
    """This expression and everything in it, outermost first."""
    left = [expression]
    while left:
        part = left.pop()
        yield part
        left.extend(reversed(children(part)))


def bodies(statement: Statement) -> tuple[Statements, ...]:
    """The statement lists directly inside."""
    match statement:
        case Loop(body=body) | Block(body=body):
            return (body,)
        case If(_, then, otherwise):
            return (then, otherwise)
        case _:
            return ()


def walk(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Every statement, in order of the text, outer ones first."""
    for statement in statements:
        yield statement
        for body in bodies(statement):
            yield from walk(body)


def expressions(statement: Statement) -> tuple[Expression, ...]:
    """The expressions that stand directly in this statement, not in the statements inside it."""
    match statement:
        case Declare(_, _, value, extents):
            return (*(() if value is None else (value,)), *extents)
        case Assign(target, _, value):
            return (target, value)
        case Loop(_, lower, upper, _, step):
            return (lower, upper, step)
        case If(condition):
            return (condition,)
        case Evaluate(value):
            return (value,)
        case Return(value):
            return () if value is None else (value,)
        case _:
            return ()


def all_parts(statements: Iterable[Statement]) -> Iterator[Expression]:
    """Every expression in these statements and in those inside them."""
    for statement in walk(statements):
        for expression in expressions(statement):
            yield from parts(expression)


def map_expression(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with ``change`` applied to every part, operands first; what stays as it is is not copied."""
    operands = children(expression)
    if not operands:
        return change(expression)
    made = tuple(map_expression(operand, change) for operand in operands)
    if all(new is old for new, old in zip(made, operands, strict=True)):
        return change(expression)
    return change(_with_operands(expression, made))


def _with_operands(expression: Expression, operands: tuple[Expression, ...]) -> Expression:
    match expression:
        case Index():
            return Index(*operands)
        case Call(function):
            return Call(function, operands)
        case Unary(op):
            return Unary(op, *operands)
        case Cast(kind):
            return Cast(kind, *operands)
        case Binary(op):
            return Binary(op, *operands)
        case _:
            return Ternary(*operands)


def map_statement(statement: Statement, change: Callable[[Expression], Expression]) -> Statement:
    """A copy with ``change`` applied to every part of every expression in it, the statements inside included."""

    def go(expression: Expression) -> Expression:
        return map_expression(expression, change)

    match statement:
        case Declare(kind, name, value, extents):
            return Declare(kind, name, None if value is None else go(value), tuple(go(extent) for extent in extents))
        case Assign(target, op, value):
            return Assign(go(target), op, go(value))
        case Loop(_, lower, upper, body, step):
            return replace(
                statement, lower=go(lower), upper=go(upper), step=go(step), body=map_statements(body, change)
            )
        case If(condition, then, otherwise):
            return If(go(condition), map_statements(then, change), map_statements(otherwise, change))
        case Block(body):
            return replace(statement, body=map_statements(body, change))
        case Evaluate(value):
            return Evaluate(go(value))
        case Return(value):
            return Return(None if value is None else go(value))
        case _:
            return statement


def map_statements(statements: Statements, change: Callable[[Expression], Expression]) -> Statements:
    """:func:`map_statement` of each."""
    return tuple(map_statement(statement, change) for statement in statements)


def substitute_in(expression: Expression, mapping: Mapping[str, Expression]) -> Expression:
    """The expression with names replaced. Raw text takes part where the replacement is itself a name."""
    return _substituted(expression, mapping, _plain(mapping))


def _plain(mapping: Mapping[str, Expression]) -> dict[str, str]:
    """The names of a mapping that are replaced by names."""
    return {name: value.text for name, value in mapping.items() if isinstance(value, Name)}


def _substituted(expression: Expression, mapping: Mapping[str, Expression], plain: Mapping[str, str]) -> Expression:
    def change(part: Expression) -> Expression:
        match part:
            case Name(text) if text in mapping:
                return mapping[text]
            case Call(function, arguments) if function in plain:
                return Call(plain[function], arguments)
            case RawExpression(text):
                return RawExpression(_rename_text(text, plain))
            case _:
                return part

    return map_expression(expression, change)


def substitute(statements: Statements, mapping: Mapping[str, Expression]) -> Statements:
    """The statements with names replaced; where a name is declared it can only be replaced by another name."""
    plain = _plain(mapping)

    def go(expression: Expression) -> Expression:
        return _substituted(expression, mapping, plain)

    def one(statement: Statement) -> Statement:
        match statement:
            case Declare(kind, name, value, extents):
                named, sizes = plain.get(name, name), tuple(go(extent) for extent in extents)
                return Declare(kind, named, None if value is None else go(value), sizes)
            case Assign(target, op, value):
                return Assign(go(target), op, go(value))
            case Loop(variable, lower, upper, body, step):
                return replace(
                    statement,
                    variable=plain.get(variable, variable),
                    lower=go(lower),
                    upper=go(upper),
                    step=go(step),
                    body=every(body),
                    pragmas=tuple(_rename_text(pragma, plain) for pragma in statement.pragmas),
                )
            case If(condition, then, otherwise):
                return If(go(condition), every(then), every(otherwise))
            case Block(body):
                return replace(statement, body=every(body))
            case Evaluate(value):
                return Evaluate(go(value))
            case Return(value):
                return Return(None if value is None else go(value))
            case RawStatement(text):
                return RawStatement(_rename_text(text, plain))
            case _:
                return statement

    def every(inner: Statements) -> Statements:
        return tuple(one(statement) for statement in inner)

    return every(statements)


def _rename_text(text: str, plain: Mapping[str, str]) -> str:
    return IDENTIFIER.sub(lambda found: plain.get(found.group(), found.group()), text) if plain else text


def map_bodies(statement: Statement, change: Callable[[Statements], Statements]) -> Statement:
    """A copy whose direct statement lists are changed."""
    match statement:
        case Loop(body=body) | Block(body=body):
            return replace(statement, body=change(body))
        case If(condition, then, otherwise):
            return If(condition, change(then), change(otherwise))
        case _:
            return statement


def rewrite(statements: Statements, change: Callable[[Statement], Statements | None]) -> Statements:
    """A copy in which each statement for which ``change`` gives a tuple is replaced by it; others are entered."""
    made: list[Statement] = []
    for statement in statements:
        new = change(statement)
        if new is not None:
            made += new
        else:
            made.append(map_bodies(statement, lambda body: rewrite(body, change)))
    return tuple(made)


def with_function(unit: Unit, function: Function) -> Unit:
    """The unit with the function of this name replaced."""
    return Unit(tuple(function if isinstance(i, Function) and i.name == function.name else i for i in unit.items))
