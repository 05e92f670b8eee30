"""Two passes over the same range, and what may be carried from the first to the second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, element_type, place, scalar_type
from warploom.syntax.cpp.affine import distance, integer
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.query import (
    Place,
    names_declared,
    names_in,
    names_written,
    pointer_roots,
    root_name,
    type_of,
)
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import (
    Binary,
    Call,
    Cast,
    Expression,
    Function,
    Index,
    Loop,
    Name,
    Number,
    RawExpression,
    RawStatement,
    Statement,
    Ternary,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import (
    bodies,
    expressions,
    map_expression,
    map_statements,
    parts,
    rewrite,
    substitute,
    walk,
)

_CHEAP = ("std::max", "std::min", "fmaxf", "fminf", "fmax", "fmin", "std::fmax", "std::fmin", "fabsf", "std::abs")


@dataclass(frozen=True)
class Passes:
    """Two loops over the same range in one statement list; the second goes by the variable of the first.

    Attributes:
        found: the first loop.
        statements: the list both stand in.
        second: the later loop, as it stands in the tree.
        body: its body, with the variable of the first loop.
        between: what stands between them.
    """

    found: Place
    statements: Statements
    second: Loop
    body: Statements
    between: Statements

    def second_with(self, body: Statements) -> Loop:
        """The later loop with another body, given in terms of the first variable; it keeps its own."""
        own = {self.first.variable: Name(self.second.variable)}
        return replace(self.second, body=substitute(body, own))

    @property
    def first(self) -> Loop:
        """The earlier loop."""
        return self.found.loop

    @property
    def function(self) -> Function:
        """Where both stand."""
        return self.found.function


def later_passes(unit: Unit, label: str) -> Iterator[Passes]:
    """The loops that follow the labelled one in its list and run over the same range, nearest first.

    Raises:
        NotApplicable: there is no such loop.
    """
    found = place(unit, label)
    first = found.loop
    for statements in (found.function.body, *(b for s in walk(found.function.body) for b in bodies(s))):
        for number, statement in enumerate(statements):
            if statement is not first:
                continue
            for later in range(number + 1, len(statements)):
                second = statements[later]
                if isinstance(second, RawStatement):
                    return
                if isinstance(second, Loop) and (second.lower, second.upper, second.step) == (
                    first.lower,
                    first.upper,
                    first.step,
                ):
                    body = substitute(second.body, {second.variable: Name(first.variable)})
                    yield Passes(found, statements, second, body, statements[number + 1 : later])


def unchanged(expression: Expression, passes: Passes, ahead: Statements = ()) -> bool:
    """Whether an expression has the same value in both passes.

    Nothing it reads may be written in the first pass, between the passes, or in ``ahead``: the part of the second
    that runs first. Locals of a pass do not count as the same.
    """
    roots = pointer_roots(passes.function)
    wrote = names_written((*passes.first.body, *passes.between, *ahead))
    wrote |= {roots[name] for name in wrote if name in roots}
    read = names_in(expression)
    read |= {roots[name] for name in read if name in roots}
    own = names_declared(passes.first.body) | names_declared(passes.body)
    return not read & (wrote | own)


def visible_before(expression: Expression, passes: Passes) -> bool:
    """Whether every local the expression mentions is declared before the first pass."""
    later = set()
    seen = False
    for statement in walk(passes.function.body):
        seen = seen or statement is passes.first
        if seen:
            later |= names_declared((statement,))
    return not names_in(expression) & (later - {passes.first.variable})


def is_dear(expression: Expression) -> bool:
    """Whether it calls a function that costs more than a load."""
    return any(isinstance(part, Call) and part.function not in _CHEAP for part in parts(expression)) and not any(
        isinstance(part, RawExpression) for part in parts(expression)
    )


def dear_parts(statement: Statement) -> list[Expression]:
    """The dear expressions that stand in the statement itself, largest first."""
    return [part for expression in expressions(statement) for part in parts(expression) if is_dear(part)]


def replace_part(statements: Statements, old: Expression, new: Expression) -> Statements:
    """The statements with every occurrence of one expression replaced."""
    return map_statements(statements, lambda part: new if part == old else part)


def replace_element(expression: Expression, element: Index, new: Expression) -> Expression:
    """The expression with every access to the same element replaced."""

    def change(part: Expression) -> Expression:
        same = isinstance(part, Index) and part.base == element.base and distance(part.index, element.index) == 0
        return new if same else part

    return map_expression(expression, change)


def value_type(expression: Expression, function: Function) -> str | None:
    """The C++ type of an arithmetic expression: "float", "double", "int64_t"; None when it cannot be told."""
    match expression:
        case Number(text):
            if integer(expression) is not None:
                return "int"
            return "float" if text[-1] in "fF" and not text.startswith("0x") else "double"
        case Name(text):
            kind = type_of(text, function)
            return scalar_type(kind) if kind is not None and "*" not in kind and "auto" not in kind else None
        case Index(base, _):
            name = root_name(base)
            return element_type(name, function) if name is not None else None
        case Cast(kind, _):
            return kind
        case Unary("-", operand):
            return value_type(operand, function)
        case Ternary(_, then, otherwise):
            return _wider(value_type(then, function), value_type(otherwise, function))
        case Binary(_, left, right):
            return _wider(value_type(left, function), value_type(right, function))
        case Call(name, arguments) if arguments:
            kinds = [value_type(argument, function) for argument in arguments]
            if name.startswith("std::"):
                kind = kinds[0] if len(kinds) == 1 else _wider(kinds[0], kinds[1])
                return kind if kind in ("float", "double") else None
            return "float" if name.endswith(("f", "_poly")) else None
        case _:
            return None


def _wider(left: str | None, right: str | None) -> str | None:
    order = ("int8_t", "uint8_t", "int", "int32_t", "size_t", "int64_t", "float", "double")
    if left not in order or right not in order:
        return None
    return max(left, right, key=order.index)


def swapped(
    unit: Unit, passes: Passes, first: Statements, second: Statements, also: Mapping[int, Statements] | None = None
) -> Unit:
    """The unit with the two loops replaced, read back from its text. ``also``: by identity, what else to replace."""
    made = {**(also or {}), id(passes.first): first, id(passes.second): second}

    def change(statement: Statement) -> Statements | None:
        return made.get(id(statement))

    function = replace(passes.function, body=rewrite(passes.function.body, change))
    items = tuple(function if item is passes.function else item for item in unit.items)
    return parse(render(Unit(items)))


def need(condition: bool, message: str) -> None:
    """Decline unless the condition holds.

    Raises:
        NotApplicable: with this message.
    """
    if not condition:
        raise NotApplicable(message)
