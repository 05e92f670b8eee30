"""Questions about a tree, answered from the text alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from warploom.syntax.cpp.parse_expression import IDENTIFIER
from warploom.syntax.cpp.remember import remembered
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Cast,
    Declare,
    Evaluate,
    Expression,
    Function,
    Index,
    Loop,
    Name,
    RawExpression,
    RawItem,
    RawStatement,
    Statement,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import Statements, all_parts, bodies, expressions, parts, rewrite, walk, with_function


@dataclass(frozen=True)
class Place:
    """A loop and the loops around it.

    Attributes:
        function: the function it stands in.
        loop: the loop.
        path: the loops around it, outermost first.
    """

    function: Function
    loop: Loop
    path: tuple[Loop, ...] = ()

    @property
    def label(self) -> str:
        """``"function:variable"``."""
        return f"{self.function.name}:{self.loop.variable}"


def loops(function: Function) -> list[Place]:
    """Every loop of the function, in order of the text, outer ones first."""
    found: list[Place] = []

    def go(statements: Iterable[Statement], path: tuple[Loop, ...]) -> None:
        for statement in statements:
            inside = path
            if isinstance(statement, Loop):
                found.append(Place(function, statement, path))
                inside = (*path, statement)
            for body in bodies(statement):
                go(body, inside)

    go(function.body, ())
    return found


def all_loops(unit: Unit) -> list[Place]:
    """:func:`loops` of every function."""
    return [place for function in unit.functions for place in loops(function)]


def find_loop(unit: Unit, label: str) -> Place | None:
    """The loop that ``"function:variable"`` (or ``"function:variable:detail"``) names."""
    name, variable = _parted(label)
    for item in unit.functions:
        if item.name == name:
            return next((place for place in loops(item) if place.loop.variable == variable), None)
    return None


def _parted(label: str) -> tuple[str, str]:
    return label.split(":")[0], label.split(":")[1] if ":" in label else ""


def replace_loop(unit: Unit, label: str, made: Statements) -> Unit:
    """The unit with the labelled loop replaced by these statements."""
    name, variable = _parted(label)

    def change(statement: Statement) -> Statements | None:
        return made if isinstance(statement, Loop) and statement.variable == variable else None

    function = unit.function(name)
    return with_function(unit, replace(function, body=rewrite(function.body, change)))


def inner_loops(loop: Loop) -> list[Loop]:
    """Every loop inside this one."""
    return [statement for statement in walk(loop.body) if isinstance(statement, Loop)]


def is_innermost(loop: Loop) -> bool:
    """Whether no loop, and nothing that may hide one, is inside."""
    return not any(isinstance(statement, Loop | RawStatement) for statement in walk(loop.body))


def names_in(expression: Expression) -> set[str]:
    """Every name this expression mentions, those of called functions left out; raw text counts whole."""
    found: set[str] = set()
    for part in parts(expression):
        match part:
            case Name(text):
                found.add(text)
            case RawExpression(text):
                found |= set(IDENTIFIER.findall(text))
    return found


def uses(statements: Iterable[Statement], name: str) -> bool:
    """Whether these statements read, write or declare ``name``, or hide it in raw text."""
    listed = tuple(statements)
    return name in names_read(listed) | names_written(listed) | names_declared(listed)


def names_declared(statements: Iterable[Statement]) -> set[str]:
    """Names declared here, loop variables included."""
    listed = tuple(walk(statements))
    return {s.name for s in listed if isinstance(s, Declare)} | {s.variable for s in listed if isinstance(s, Loop)}


def root_name(target: Expression) -> str | None:
    """The variable behind an lvalue: ``out`` of ``out[i][j]``, ``*(out + 1)`` and ``&out[3]``."""
    match target:
        case Name(text):
            return text
        case Index(base, _):
            return root_name(base)
        case Unary(_, inner) | Cast(_, inner) | Binary(_, inner, _):
            return root_name(inner)
        case _:
            return None


def names_written(statements: Iterable[Statement]) -> set[str]:
    """Variables these statements may change, arrays behind an index or pointer included.

    A call for its effect writes all its arguments, ``store…`` and ``stream…`` only the first; raw text all it names.
    A write through a local pointer counts for that pointer: see :func:`pointer_roots` for what stands behind it.
    """
    found: set[str] = set()
    for statement in walk(statements):
        match statement:
            case Assign(target):
                found |= {name for name in (root_name(target),) if name}
            case Evaluate(Call(called, arguments)):
                targets = arguments[:1] if called.startswith(("store", "stream")) else arguments
                found |= {name for name in (root_name(argument) for argument in targets) if name}
            case RawStatement(text):
                found |= set(IDENTIFIER.findall(text))
        for part in _parts_of(statement):
            match part:
                case RawExpression(text):
                    found |= set(IDENTIFIER.findall(text))
                case Call(called, arguments) if not called.startswith("load"):
                    addresses = (root_name(one) for one in arguments if isinstance(one, Unary) and one.op == "&")
                    found |= {name for name in addresses if name}
                case Unary("++" | "--", operand):
                    found |= names_in(operand)
    return found


def names_read(statements: Iterable[Statement]) -> set[str]:
    """Variables these statements may read. A plain ``=`` to a scalar does not read it; ``+=`` does."""
    found: set[str] = set()
    for statement in walk(statements):
        match statement:
            case Assign(Name(text), op, value):
                found |= names_in(value) | ({text} if op != "=" else set())
            case RawStatement(text):
                found |= set(IDENTIFIER.findall(text))
            case _:
                for expression in expressions(statement):
                    found |= names_in(expression)
    return found


def all_names(function: Function) -> set[str]:
    """Every identifier that occurs in the function, raw text and pragmas included."""
    return set(_all_names(function))


@remembered()
def _all_names(function: Function) -> frozenset[str]:
    found = {parameter.name for parameter in function.parameters} | names_declared(function.body)
    for statement in walk(function.body):
        if isinstance(statement, RawStatement):
            found |= set(IDENTIFIER.findall(statement.text))
        for pragma in getattr(statement, "pragmas", ()):
            found |= set(IDENTIFIER.findall(pragma))
    for part in all_parts(function.body):
        if isinstance(part, Call):
            found.add(part.function)
        found |= names_in(part) if isinstance(part, Name | RawExpression) else set()
    return frozenset(found)


def fresh(wish: str, taken: set[str]) -> str:
    """``wish``, or ``wish2``, ``wish3``… when it is taken; the result is added to ``taken``."""
    name = wish
    number = 2
    while name in taken:
        name = f"{wish}_{number}" if wish[-1].isdigit() else f"{wish}{number}"
        number += 1
    taken.add(name)
    return name


def unit_names(unit: Unit) -> set[str]:
    """Every identifier of the unit, for fresh names of functions."""
    found = {function.name for function in unit.functions}
    for item in unit.items:
        found |= set(IDENTIFIER.findall(item.text)) if isinstance(item, RawItem) else all_names(item)
    return found


def type_of(name: str, function: Function) -> str | None:
    """The declared type of a parameter, local or loop variable; None when it is none of this function."""
    return _types(function).get(name)


@remembered()
def _types(function: Function) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for statement in reversed(list(walk(function.body))):
        if isinstance(statement, Declare):
            found[statement.name] = statement.type
        elif isinstance(statement, Loop):
            found[statement.variable] = statement.type
    return found | {parameter.name: parameter.type for parameter in function.parameters}


def declaration_of(name: str, function: Function) -> Declare | None:
    """The declaration of a local."""
    return _declarations(function).get(name)


@remembered()
def _declarations(function: Function) -> Mapping[str, Declare]:
    found = [statement for statement in walk(function.body) if isinstance(statement, Declare)]
    return {statement.name: statement for statement in reversed(found)}


def pointer_roots(function: Function) -> dict[str, str]:
    """Local pointer → the parameter or array it points into: ``row`` of ``const float* row = x + i * cols`` → ``x``."""
    roots: dict[str, str] = {}
    for statement in walk(function.body):
        if (
            isinstance(statement, Declare)
            and statement.value is not None
            and statement.type.rstrip().endswith(("*", "__restrict__", "__restrict", "&", "* const"))
        ):
            root = root_name(statement.value)
            if root is not None:
                roots[statement.name] = roots.get(root, root)
    return roots


def assigned_once(name: str, function: Function) -> bool:
    """Whether a local is declared with a value and never assigned again. Writes *through* a pointer do not count."""
    declared = declaration_of(name, function)
    return declared is not None and declared.value is not None and name not in names_rebound(function.body)


def names_rebound(statements: Iterable[Statement]) -> set[str]:
    """Variables that may get another value themselves: :func:`names_written` without what pointers point to."""
    return set(_rebound(tuple(statements)))


@remembered()
def _rebound(statements: tuple[Statement, ...]) -> frozenset[str]:
    found: set[str] = set()
    for statement in walk(statements):
        match statement:
            case Assign(Name(text)):
                found.add(text)
            case RawStatement(text):
                found |= set(IDENTIFIER.findall(text))
        for part in _parts_of(statement):
            match part:
                case RawExpression(text):
                    found |= set(IDENTIFIER.findall(text))
                case Unary("&" | "++" | "--", Name(text)):
                    found.add(text)
    return frozenset(found)


def _parts_of(statement: Statement) -> Iterator[Expression]:
    for expression in expressions(statement):
        yield from parts(expression)
