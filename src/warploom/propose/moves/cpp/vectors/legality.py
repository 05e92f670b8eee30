"""What ``vectorise`` must know of a loop before it begins: what plainly forbids it, and which names differ by lane."""

from __future__ import annotations

from collections.abc import Iterator

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.folds import folds_in
from warploom.syntax.cpp.affine import ONE
from warploom.syntax.cpp.query import inner_loops, names_declared, names_in, pointer_roots, root_name, type_of
from warploom.syntax.cpp.tree import (
    Assign,
    Block,
    Call,
    Declare,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    Unary,
)
from warploom.syntax.cpp.walk import Statements, all_parts, children, expressions, walk

TOUCH = frozenset(
    {"load16", "store16", "stream16", "gather16", "index16", "load_part16", "store_part16", "gather_part16"}
)
"""Support functions whose result (or effect) differs between the lanes."""


def mentioned(body: Statements) -> set[str]:
    """Every name in these statements."""
    return {part.text for part in all_parts(body) if isinstance(part, Name)}


def check(loop: Loop, function: Function) -> None:
    """Decline what plainly cannot be vectorised.

    Raises:
        NotApplicable: it is parallel, vectorised already, does not step by one, or reads what other iterations write.
    """
    if loop.step != ONE:
        raise NotApplicable("the loop does not step by one")
    if any("omp" in pragma and "simd" not in pragma for pragma in loop.pragmas):
        raise NotApplicable("the loop is parallel")
    if any("omp" in pragma and "simd" not in pragma for inner in inner_loops(loop) for pragma in inner.pragmas):
        raise NotApplicable("a parallel loop inside")
    if any("x16" in (type_of(name, function) or "") for name in mentioned(loop.body)) or any(
        isinstance(part, Call) and part.function in TOUCH for part in all_parts(loop.body)
    ):
        raise NotApplicable("the loop is vectorised already")
    roots = pointer_roots(function)
    private = {statement.name for statement in walk(loop.body) if isinstance(statement, Declare) and statement.extents}
    written: dict[str, set[Expression]] = {}
    for statement in walk(loop.body):
        if isinstance(statement, Assign) and not isinstance(statement.target, Name):
            name = root_name(statement.target)
            if name is not None and name not in private:
                written.setdefault(roots.get(name, name), set()).add(statement.target)
    for access in _accesses(loop.body):
        name = root_name(access)
        targets = written.get(roots.get(name, name)) if name is not None else None
        if targets is not None and access not in targets:
            raise NotApplicable(f"{name} is read where another iteration may have written it")


def _accesses(body: Statements) -> Iterator[Expression]:
    """Places in memory, each as a whole: ``a[i][j]`` once."""

    def go(expression: Expression) -> Iterator[Expression]:
        if isinstance(expression, Index):
            yield expression
            yield from go(expression.index)
            base = expression.base
            while isinstance(base, Index):
                yield from go(base.index)
                base = base.base
        else:
            if isinstance(expression, Unary) and expression.op == "*":
                yield expression
            for child in children(expression):
                yield from go(child)

    for statement in walk(body):
        for expression in expressions(statement):
            yield from go(expression)


def varying_names(loop: Loop, function: Function, carried: frozenset[str] = frozenset()) -> set[str]:
    """Names whose value differs between iterations: the variable, what is computed from it, and accumulators.

    Args:
        loop: the loop.
        function: the function it stands in.
        carried: scalars that the caller knows how to carry between iterations.

    Raises:
        NotApplicable: a scalar is carried from one iteration to the next in a way that is no fold.
    """
    folds = set(folds_in(loop.body)) | carried
    declared = names_declared(loop.body)
    found = {loop.variable, *carried}

    def assigned(target: Expression, sources: set[str], under: bool) -> None:
        name = root_name(target)
        if name is None or (name not in declared and not isinstance(target, Name)):
            return
        if name not in declared and name not in folds:
            raise NotApplicable(f"{name} is carried from iteration to iteration")
        if "*" in (type_of(name, function) or "") and not isinstance(target, Name):
            return
        if under or (sources | (names_in(target) - {name})) & found:
            found.add(name)

    def go(statements: Statements, under: bool) -> None:
        for statement in statements:
            match statement:
                case Declare(_, name, value, _):
                    if value is not None and names_in(value) & found:
                        found.add(name)
                case Assign(target, _, value):
                    assigned(target, names_in(value), under)
                case If(condition, then, otherwise):
                    inside = under or bool(names_in(condition) & found)
                    go(then, inside)
                    go(otherwise, inside)
                case Loop(body=body) | Block(body=body):
                    go(body, under)

    size = -1
    while size != len(found):
        size = len(found)
        go(loop.body, False)
    if any(name not in found for name in folds):
        raise NotApplicable("accumulates the same value in every iteration")
    return found
