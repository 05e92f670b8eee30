"""Fuse neighbouring loops over the same range, and split one loop in two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, finish, inlined, place
from warploom.propose.moves.cpp.planned import loops_for
from warploom.propose.moves.protocol import Phase, Site
from warploom.syntax.cpp.affine import distance
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    names_declared,
    names_read,
    names_written,
    pointer_roots,
    root_name,
)
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import (
    Comment,
    Declare,
    Function,
    Index,
    Loop,
    Name,
    RawStatement,
    Return,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import all_parts, bodies, rewrite, substitute, walk
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class Pair:
    """Two loops of one statement list and what stands between them."""

    first: Loop
    between: Statements
    second: Loop


def pair_after(found: Place) -> Pair:
    """The loop, the statements after it, and the next loop of the same list.

    Raises:
        NotApplicable: no loop follows.
    """
    for statements in _lists(found.function):
        for number, statement in enumerate(statements):
            if statement is not found.loop:
                continue
            for later in range(number + 1, len(statements)):
                after = statements[later]
                if isinstance(after, Loop):
                    return Pair(found.loop, statements[number + 1 : later], after)
    raise NotApplicable(f"no loop follows the one over {found.loop.variable}")


def _lists(function: Function) -> list[Statements]:
    return [function.body, *(body for statement in walk(function.body) for body in bodies(statement))]


def same_range(first: Loop, second: Loop) -> bool:
    """Whether both run over the same values."""
    return (first.lower, first.upper, first.step) == (second.lower, second.upper, second.step)


def independent(first: Statements, second: Statements, function: Function) -> bool:
    """Whether the two may run in any order: neither writes what the other reads or writes."""
    roots = pointer_roots(function)

    def behind(names: set[str]) -> set[str]:
        return names | {roots[name] for name in names if name in roots}

    wrote, wrote_too = behind(names_written(first)), behind(names_written(second))
    own, own_too = names_declared(first), names_declared(second)
    read, read_too = behind(names_read(first)), behind(names_read(second))
    return not ((wrote | own) & (read_too | wrote_too) or (wrote_too | own_too) & (read | wrote))


def check_same_elements(first: Statements, second: Statements, function: Function) -> None:
    """Declines to join loop bodies of which one writes what another iteration of the other touches.

    Raises:
        NotApplicable: names what stands against it.
    """
    roots = pointer_roots(function)
    locals_ = names_declared(first) | names_declared(second)

    def touched(statements: Statements) -> dict[str, set[Index]]:
        found: dict[str, set[Index]] = {}
        for part in all_parts(statements):
            root = root_name(part) if isinstance(part, Index) else None
            if isinstance(part, Index) and root is not None:
                found.setdefault(roots.get(root, root), set()).add(part)
        return found

    one, two = touched(first), touched(second)
    wrote = {roots.get(name, name) for name in names_written(first) - locals_}
    wrote_too = {roots.get(name, name) for name in names_written(second) - locals_}
    shared = (wrote & (set(two) | names_read(second) | wrote_too)) | (wrote_too & (set(one) | names_read(first)))
    for name in sorted(shared):
        if name not in one or name not in two:
            raise NotApplicable(f"{name} passes from one loop to the other")
        for access in one[name]:
            for other in two[name]:
                if access.base != other.base or distance(access.index, other.index) != 0:
                    raise NotApplicable(f"the loops touch different elements of {name}")


class Fuse:
    """Join a loop with the next one over the same range; statements between them that do not depend on it go before.

    Loops inside the two bodies stay apart.
    """

    name = "fuse"
    phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops followed by one over the same range that does not need their results."""
        return loops_for(self, unit)

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        pair = pair_after(found)
        if not same_range(pair.first, pair.second) or pair.first.pragmas or pair.second.pragmas:
            raise NotApplicable("the loops run over different ranges")
        function = found.function
        if not independent((pair.first,), pair.between, function):
            raise NotApplicable("what stands between the loops depends on the first")
        second = substitute(pair.second.body, {pair.second.variable: Name(pair.first.variable)})
        _refuse_raw((*pair.first.body, *second))
        check_same_elements(inlined(pair.first.body, function), inlined(second, function), function)
        joined = (*pair.between, replace(pair.first, body=(*pair.first.body, *second)))
        dropped = {id(statement) for statement in (*pair.between, pair.second)}

        def change(statement: Statement) -> Statements | None:
            if statement is pair.first:
                return joined
            return () if id(statement) in dropped else None

        made = replace(function, body=rewrite(function.body, change))
        items = tuple(made if item is function else item for item in unit.items)
        return parse(render(Unit(items)))


class Distribute:
    """Split a loop in two after its ``cut``-th statement, where no local passes from one half to the other.

    Parameters:
        cut: number of statements in the first half.
    """

    name = "distribute"
    phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops whose body falls apart."""
        found = []
        for candidate in all_loops(unit):
            cuts = []
            for cut in range(1, len(candidate.loop.body)):
                try:
                    self.apply(unit, candidate.label, {"cut": cut})
                except NotApplicable:
                    continue
                cuts.append(cut)
            if cuts:
                found.append(Site(candidate.label, {"cut": tuple(cuts)}))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        loop, cut = found.loop, int(parameters["cut"])
        first, second = loop.body[:cut], loop.body[cut:]
        if not _works(first) or not _works(second) or loop.pragmas:
            raise NotApplicable("one half would do nothing")
        _refuse_raw(loop.body)
        if names_declared(first) & (names_read(second) | names_written(second)):
            raise NotApplicable("a local passes from the first half to the second")
        check_same_elements(first, second, found.function)
        return finish(unit, label, (replace(loop, body=first), replace(loop, body=second)))


def _works(statements: Statements) -> bool:
    return any(not isinstance(statement, Declare | Comment) for statement in statements)


def _refuse_raw(statements: Statements) -> None:
    if any(isinstance(statement, RawStatement | Return) for statement in walk(statements)):
        raise NotApplicable("a loop holds statements outside the subset")
