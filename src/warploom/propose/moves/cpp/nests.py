"""What blocking, packing and sharing have in common: finding and inlining nests, splitting ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.syntax.cpp.affine import ONE, add, is_integer
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.query import (
    Place,
    assigned_once,
    find_loop,
    names_in,
    names_read,
    names_written,
    replace_loop,
    root_name,
    type_of,
)
from warploom.syntax.cpp.remember import remembered
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    RawStatement,
    Statement,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import expressions, map_expression, map_statements, parts, substitute, substitute_in, walk

Statements = tuple[Statement, ...]
_POINTER = re.compile(r"(?:const )?(\w+)(?: const)? ?\*( const)?( ?__restrict(__)?)?")


def place(unit: Unit, label: str) -> Place:
    """The loop of this label.

    Raises:
        NotApplicable: there is none.
    """
    found = find_loop(unit, label)
    if found is None:
        raise NotApplicable(f"there is no loop {label}")
    return found


def finish(unit: Unit, label: str, made: Statements) -> Unit:
    """The unit with the loop replaced, read back from its text so that every name is unique again."""
    return parse(render(replace_loop(unit, label, made)))


def element_type(name: str, function: Function) -> str | None:
    """What a pointer or array of this name holds: "float"; None for anything else."""
    kind = type_of(name, function)
    if kind is None:
        return None
    found = _POINTER.fullmatch(kind)
    if found is not None:
        return found.group(1)
    for statement in walk(function.body):
        if isinstance(statement, Declare) and statement.name == name and statement.extents:
            return scalar_type(kind)
    return None


def scalar_type(kind: str) -> str:
    """The type without const, static and alignment."""
    return re.sub(r"\b(const|static|alignas\(\w+\))\s*", "", kind).strip()


def flatten(expression: Expression) -> Expression:
    """``(x + o)[i]``, ``(&x[o])[i]`` and ``*(x + o)`` as one index of ``x``."""
    return map_expression(expression, _flat)


def _flat(part: Expression) -> Expression:
    match part:
        case Index(Binary("+", Name() as base, offset), index):
            return Index(base, add(offset, index))
        case Index(Binary("+", Binary("+") as inner, offset), index):
            return _flat(Index(inner, add(offset, index)))
        case Index(Unary("&", Index(base, offset)), index):
            return _flat(Index(base, add(offset, index)))
        case Binary("+", Unary("&", Index(base, offset)), index):
            return Binary("+", base, add(offset, index))
        case Unary("*", Binary("+", Name() as base, offset)):
            return Index(base, offset)
        case _:
            return part


def inlined(statements: Statements, function: Function) -> Statements:
    """The statements without their integer and pointer locals that are assigned once: their values take their place."""
    return _inliner(function)(statements)


@remembered(most=16)
def _inliner(function: Function) -> Callable[[Statements], Statements]:
    """Many moves ask for the same nest of the same function, loop by loop."""
    return remembered()(lambda statements: map_statements(_inlined(statements, function), _flat))


def _inlined(statements: Statements, function: Function) -> Statements:
    made: list[Statement] = []
    mapping: dict[str, Expression] = {}
    for statement in statements:
        match statement:
            case Comment():
                continue
            case Declare(kind, name, value, ()) if (
                value is not None
                and assigned_once(name, function)
                and (is_integer(name, function) or _POINTER.fullmatch(kind))
                and not any(isinstance(part, Call) for part in parts(value))
            ):
                mapping[name] = substitute_in(value, mapping)
                continue
        (changed,) = substitute((statement,), mapping)
        match changed:
            case Loop():
                changed = replace(changed, body=_inlined(changed.body, function))
            case If(condition, then, otherwise):
                changed = If(condition, _inlined(then, function), _inlined(otherwise, function))
            case Block(body):
                changed = replace(changed, body=_inlined(body, function))
        made.append(changed)
    return tuple(made)


def chain(outer: Loop, inner: str) -> list[Loop]:
    """The loops from ``outer`` to the one over ``inner``, each being all of the body of the one before.

    Raises:
        NotApplicable: something else stands between them.
    """
    found = [outer]
    while found[-1].variable != inner:
        body = found[-1].body
        if len(body) != 1 or not isinstance(body[0], Loop):
            raise NotApplicable(f"something stands between the loops over {outer.variable} and {inner}")
        found.append(body[0])
    return found


def varying(statements: Statements, variable: str) -> set[str]:
    """``variable`` and every local of these statements whose value may change with it."""
    own = {s.name for s in walk(statements) if isinstance(s, Declare)} | {
        s.target.text for s in walk(statements) if isinstance(s, Assign) and isinstance(s.target, Name)
    }
    own |= {raw.group(2) for s in walk(statements) if (raw := raw_local(s)) is not None}
    found = {variable}

    def reads(expression: Expression | None) -> bool:
        return expression is not None and bool(names_in(expression) & found)

    def go(listed: Iterable[Statement], under: bool) -> None:
        for statement in listed:
            match statement:
                case Declare(_, name, value, extents):
                    if reads(value) or any(reads(extent) for extent in extents):
                        found.add(name)
                case Assign(target, _, value):
                    root = target
                    while isinstance(root, Index):
                        root = root.base
                    if isinstance(root, Name) and root.text in own and (under or reads(value) or reads(target)):
                        found.add(root.text)
                case Loop(name, lower, upper, body):
                    if reads(lower) or reads(upper):
                        found.add(name)
                    go(body, under or reads(lower) or reads(upper))
                case If(condition, then, otherwise):
                    go(then, under or reads(condition))
                    go(otherwise, under or reads(condition))
                case Block(body):
                    go(body, under)
                case Evaluate(Call(_, arguments)) if arguments and any(reads(a) for a in arguments):
                    found.update(names_in(arguments[0]) & own)

    before = 0
    while len(found) != before:
        before = len(found)
        go(statements, False)
    return found


def raw_local(statement: Statement) -> re.Match[str] | None:
    """``std::vector<float> name(length)``: the one raw statement whose effect is known."""
    if not isinstance(statement, RawStatement):
        return None
    return re.fullmatch(r"(std::vector<\w+>)\s+(\w+)(\(.*\));", statement.text)


def mentions(statement: Statement, names: set[str]) -> bool:
    """Whether the statement, or one inside it, reads, writes or declares one of the names."""
    listed = (statement,)
    declared = {s.name for s in walk(listed) if isinstance(s, Declare)}
    return bool((names_read(listed) | names_written(listed) | declared) & names)


def plain_step(loop: Loop) -> None:
    """Declines a loop that does not go in steps of one.

    Raises:
        NotApplicable: it does not.
    """
    if loop.step != ONE:
        raise NotApplicable(f"the loop over {loop.variable} does not go in steps of one")


def accumulators(body: Statements) -> list[str]:
    """The scalars that the body declares and a loop inside it assigns."""
    inside = [s for loop in body if isinstance(loop, Loop) for s in walk(loop.body)]
    assigned = {s.target.text for s in inside if isinstance(s, Assign) and isinstance(s.target, Name)}
    return [s.name for s in body if isinstance(s, Declare) and not s.extents and s.name in assigned]


def holds_sums(loop: Loop) -> bool:
    """Whether the iterations of the loop, or of one nested in it, each have accumulators of their own."""
    return any(accumulators(one.body) for one in (loop, *walk(loop.body)) if isinstance(one, Loop))


def idempotent(body: Statements) -> bool:
    """Whether doing an iteration twice does no harm: what it stores to memory it neither adds to nor reads."""
    stores = [s for s in walk(body) if isinstance(s, Assign) and not isinstance(s.target, Name)]
    written = {root_name(store.target) for store in stores}
    read = {root_name(part) for s in walk(body) for e in _read_by(s) for part in parts(e) if isinstance(part, Index)}
    return all(store.op == "=" for store in stores) and not written & read


def _read_by(statement: Statement) -> tuple[Expression, ...]:
    return (statement.value,) if isinstance(statement, Assign) else expressions(statement)


def three(label: str) -> tuple[str, str, str]:
    """Function, first and second loop of a label; the first is "" where it names one loop only."""
    words = label.split(":")
    if len(words) == 2:
        return words[0], "", words[1]
    if len(words) != 3:
        raise NotApplicable(f"{label} names no pair of loops")
    return words[0], words[1], words[2]
