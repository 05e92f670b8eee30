"""What one iteration of a loop may leave to the next: accumulators, scratch space, and what forbids to share it out."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements
from warploom.syntax.cpp.affine import ZERO, distance, integer, stride
from warploom.syntax.cpp.query import Place, names_declared, names_in, pointer_roots, root_name, uses
from warploom.syntax.cpp.tree import (
    Assign,
    Block,
    Call,
    Declare,
    Evaluate,
    Expression,
    If,
    Index,
    Loop,
    Name,
    Parameter,
    RawStatement,
    Statement,
    Unary,
)
from warploom.syntax.cpp.walk import all_parts, walk

Declared = Parameter | Declare | RawStatement | Loop


def is_scalar(declared: Declared | None) -> bool:
    """Whether the name stands for one number."""
    match declared:
        case Declare(kind, _, _, ()) | Parameter(kind, _):
            return "*" not in kind and "&" not in kind
        case Loop():
            return True
        case _:
            return False


def reductions(loop: Loop, scalars: set[str]) -> dict[str, str]:
    """Scalars from outside that the loop only accumulates into. Others must be written before they are read."""
    found = {}
    for name in sorted(scalars):
        operators = {_operator(statement, name) for statement in walk(loop.body) if uses_here(statement, name)}
        if len(operators) == 1 and None not in operators:
            found[name] = str(operators.pop())
    return found


def uses_here(statement: Statement, name: str) -> bool:
    """Whether the statement itself, not one inside it, mentions the name."""
    match statement:
        case Loop():
            return name in names_in(statement.lower) | names_in(statement.upper) | names_in(statement.step)
        case If():
            return name in names_in(statement.condition)
        case Block():
            return False
        case _:
            return uses((statement,), name)


def _operator(statement: Statement, name: str) -> str | None:
    """How this statement accumulates into the scalar: ``"+="``, ``"max"`` or ``"min"``; None when it does more."""
    match statement:
        case Assign(Name(text), "+=" | "-=", value) if text == name and name not in names_in(value):
            return "+="
        case Assign(Name(text), "=", Call(function, (first, second))) if text == name:
            for kind in ("max", "min"):
                if function in (f"std::{kind}", f"f{kind}f", f"f{kind}", f"std::f{kind}"):
                    others = [part for part in (first, second) if part != Name(name)]
                    return kind if len(others) == 1 and name not in names_in(others[0]) else None
    return None


def _first_use_writes(statements: Statements, name: str) -> bool | None:
    """Whether the first use writes the whole scalar; None when there is no use."""
    for statement in statements:
        if not uses((statement,), name):
            continue
        match statement:
            case Assign(Name(text), "=", value):
                return text == name and name not in names_in(value)
            case Block(body):
                return _first_use_writes(body, name)
            case If(condition, then, otherwise) if name not in names_in(condition):
                return _first_use_writes(then, name) is True and _first_use_writes(otherwise, name) is True
            case _:
                return False
    return None


def may_be_private(name: str, declared: Declared, place: Place) -> bool:
    """Whether a local from outside is only scratch space of one iteration."""
    rest = [statement for statement in outside(place) if statement is not declared and uses_here(statement, name)]
    if is_scalar(declared):
        if rest or not _first_use_writes(place.loop.body, name):
            raise NotApplicable(f"{name} carries a value from one iteration over {place.loop.variable} to the next")
        return True
    if isinstance(declared, Declare) and declared.extents:
        return not rest and declared.value is None
    return isinstance(declared, RawStatement) and not rest


def outside(place: Place) -> list[Statement]:
    """Every statement of the function but the loop and what is in it."""
    inner = {id(statement) for statement in walk((place.loop,))}
    return [statement for statement in walk(place.function.body) if id(statement) not in inner]


def refuse_races(place: Place, written: set[str], around: Mapping[str, Declared]) -> None:
    """Decline when all iterations write the same element, or one reads what its neighbour writes."""
    function, variable = place.function, place.loop.variable
    roots = pointer_roots(function)
    owned = names_declared((place.loop,))
    moving = _beginning_with(place)

    def behind(target: Expression) -> str | None:
        name = root_name(target)
        root = roots.get(name, name) if name is not None else None
        return None if root is None or root in owned else root

    shared: dict[str, list[Expression]] = {}
    for target in _targets(place.loop.body):
        root = behind(target)
        if root is None or root not in around or _scratch(root, around[root], place):
            continue
        if stride(target, variable, function) == ZERO and not names_in(target) & moving:
            raise NotApplicable(f"every iteration over {variable} writes the same elements of {root}")
        shared.setdefault(root, []).append(target)
    for part in all_parts(place.loop.body):
        if isinstance(part, Index) and behind(part) in shared:
            for target in shared[behind(part) or ""]:
                if isinstance(target, Index) and target.base == part.base:
                    apart = distance(part.index, target.index)
                    if apart and stride(part, variable, function) == stride(target, variable, function):
                        _refuse_neighbour(place, apart, part)


def _beginning_with(place: Place) -> set[str]:
    """Inner loops that begin where an iteration begins (the rest of a block), and locals made from their variables."""
    moving = {place.loop.variable}
    for statement in walk(place.loop.body):
        match statement:
            case Loop(variable, lower):
                moving |= {variable} if names_in(lower) & moving else set()
            case Declare(_, name, value) if value is not None:
                moving |= {name} if names_in(value) & moving else set()
    return moving


def _refuse_neighbour(place: Place, apart: int, part: Expression) -> None:
    step = stride(part, place.loop.variable, place.function)
    own, times = integer(step) if step is not None else None, integer(place.loop.step)
    if own is not None and times is not None and abs(apart) >= abs(own * times):
        raise NotApplicable(f"iterations over {place.loop.variable} read what others write")


def _scratch(name: str, declared: Declared, place: Place) -> bool:
    local = isinstance(declared, RawStatement) or (isinstance(declared, Declare) and bool(declared.extents))
    return local and may_be_private(name, declared, place)


def _targets(statements: Statements) -> list[Expression]:
    """Every place in memory that these statements write."""
    found: list[Expression] = []
    for statement in walk(statements):
        match statement:
            case Assign(Index() | Unary() as target):
                found.append(target)
            case Evaluate(Call(name, (target, *_))) if name.startswith(("store", "stream")):
                found.append(Index(target, ZERO))
    return found
