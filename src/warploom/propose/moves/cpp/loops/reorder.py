"""Loops in another order, in blocks, joined and split. See :mod:`warploom.propose.moves.cpp.loops.sink` for sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.loops.adjacent import Distribute, Fuse
from warploom.propose.moves.cpp.loops.replicate import jam
from warploom.propose.moves.cpp.loops.sink import Sink
from warploom.propose.moves.cpp.nests import Statements, finish, inlined, place, plain_step, varying
from warploom.propose.moves.cpp.ranges import minimum, whole
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, ZERO, add, integer, number, simplify, stride
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    fresh,
    inner_loops,
    is_innermost,
    names_declared,
    names_in,
)
from warploom.syntax.cpp.tree import Binary, Comment, Index, Loop, Name, Number, RawStatement, Return, Statement, Unit
from warploom.syntax.cpp.walk import all_parts, map_statements, substitute, walk
from warploom.values.candidate import Scalar

_OMP = "omp parallel"


def perfect(found: Place) -> Loop:
    """The loop directly inside, once the integer and pointer locals before it are written out.

    Raises:
        NotApplicable: something else stands between the two loops, or the inner range depends on the outer variable.
    """
    body = [s for s in inlined(found.loop.body, found.function) if not isinstance(s, Comment)]
    if len(body) != 1 or not isinstance(body[0], Loop):
        raise NotApplicable(f"the loop over {found.loop.variable} holds more than one loop")
    inner = body[0]
    if found.loop.variable in names_in(inner.lower) | names_in(inner.upper) | names_in(inner.step):
        raise NotApplicable(f"the range of {inner.variable} depends on {found.loop.variable}")
    if found.loop.pragmas or inner.pragmas:
        raise NotApplicable("a pragma stands on one of the loops")
    return inner


def contiguous(loop: Loop, found: Place) -> int:
    """Accesses inside ``found`` that move by one element with this loop, less those that move by more."""
    score = 0
    for part in all_parts(found.loop.body):
        if isinstance(part, Index):
            step = stride(part, loop.variable, found.function)
            score += 1 if step == ONE else 0 if step == ZERO else -1
    return score


class Interchange:
    """Swap a loop with the one directly inside it."""

    name = "interchange"
    phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Perfect nests, unless the swap would only take the contiguous loop away from the inside."""
        found = []
        for candidate in all_loops(unit):
            try:
                inner = perfect(candidate)
            except NotApplicable:
                continue
            if is_innermost(inner) and contiguous(inner, candidate) > contiguous(candidate.loop, candidate):
                continue
            found.append(Site(candidate.label))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        inner = perfect(found)
        return finish(unit, label, (replace(inner, body=(replace(found.loop, body=inner.body),)),))


class Tile:
    """Cut a loop into tiles: ``j_t`` over the tiles, ``j`` inside one, and lift ``j_t`` over the loops around.

    Parameters:
        size: iterations of a tile.
        lift: over how many perfectly nested loops around it ``j_t`` moves out. With 0 only the text changes, so the
            choices start with as many as there are.
    """

    name = "tile"
    phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops with a perfect nest around them."""
        found = []
        for candidate in all_loops(unit):
            levels = _liftable(candidate)
            known = integer(candidate.loop.upper)
            if levels and candidate.loop.step == ONE and (known is None or known > 16):
                choices = {"size": (64, 128, 256, 32, 512, 1024, 16), "lift": tuple(range(levels, 0, -1))}
                found.append(Site(candidate.label, choices))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        loop, lift = found.loop, int(parameters.get("lift", 0))
        plain_step(loop)
        if lift > _liftable(found) or loop.pragmas:
            raise NotApplicable(f"the loops around {loop.variable} are no perfect nest of {lift}")
        size = Number(str(int(parameters["size"])))
        outer = fresh(f"{loop.variable}_t", all_names(found.function))
        end = minimum(Binary("+", Name(outer), size), loop.upper)
        inside: Loop = replace(loop, lower=Name(outer), upper=end)
        around = found.path[len(found.path) - lift :]
        for level in reversed(around):
            inside = replace(level, body=(inside,))
        top = around[0].variable if around else loop.variable
        made = Loop(outer, loop.lower, loop.upper, (inside,), size, loop.type)
        return finish(unit, f"{found.function.name}:{top}", (made,))


def _liftable(found: Place) -> int:
    """How many loops around this one hold nothing else and do not decide its range."""
    levels = 0
    inner = found.loop
    for level in reversed(found.path):
        body = [s for s in level.body if not isinstance(s, Comment)]
        bounds = names_in(found.loop.lower) | names_in(found.loop.upper)
        if len(body) != 1 or body[0] is not inner or level.variable in bounds or level.pragmas:
            break
        levels += 1
        inner = level
    return levels


def _replicated(unit: Unit, label: str, factor: int, innermost: bool) -> Unit:
    found = place(unit, label)
    loop = found.loop
    plain_step(loop)
    if innermost != (not inner_loops(loop)):
        raise NotApplicable(f"there is {'a' if innermost else 'no'} loop inside the one over {loop.variable}")
    if any(_OMP in pragma for pragma in loop.pragmas):
        raise NotApplicable(f"{label} is parallel")
    if any(isinstance(statement, Return | RawStatement) for statement in walk(loop.body)):
        raise NotApplicable(f"the loop over {loop.variable} holds statements outside the subset")
    if not innermost and any(inner.pragmas for inner in inner_loops(loop)):
        raise NotApplicable(f"a pragma inside the loop over {loop.variable} names what would be copied")
    if not innermost and not varying(loop.body, loop.variable) - {loop.variable} <= names_declared(loop.body):
        raise NotApplicable(f"a scalar carries over from one iteration over {loop.variable} to the next")
    copies = _one_by_one(loop, factor) if innermost else jam(loop.body, loop.variable, factor)
    rest = fresh(f"{loop.variable}_r", all_names(found.function))
    middle = whole(loop.lower, loop.upper, factor)
    main = replace(loop, upper=middle, step=Number(str(factor)), body=copies)
    made: Statements = (main,)
    if middle != loop.upper:
        body = substitute(loop.body, {loop.variable: Name(rest)})
        made += (replace(loop, variable=rest, lower=middle, body=body),)
    return finish(unit, label, made)


def _one_by_one(loop: Loop, factor: int) -> Statements:
    """Copies of the body in their order, as the loop would run them."""
    copies: list[Statement] = []
    for copy in range(factor):
        names = {name: Name(f"{name}_{copy}") for name in names_declared(loop.body)}
        copies += substitute(loop.body, {**names, loop.variable: add(Name(loop.variable), number(copy))})
    return map_statements(tuple(copies), simplify)


class Unroll:
    """Several iterations of an innermost loop in one; the rest runs in a loop over ``j_r``.

    Parameters:
        factor: iterations in one.
    """

    name = "unroll"
    phase = Phase.POLISH

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Innermost loops with steps of one."""
        return _replicable(unit, innermost=True, choices=(4, 2, 8))

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        return _replicated(unit, label, int(parameters["factor"]), innermost=True)


class Jam:
    """Unroll a loop around others and join the copies of those: what they load is shared, accumulators multiply.

    Rows of a scan go side by side this way. The loops that cannot be joined, because their range depends on the
    unrolled variable, follow one another.

    Parameters:
        factor: iterations side by side.
    """

    name = "jam"
    phase = Phase.JAM

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops around others, with steps of one."""
        return _replicable(unit, innermost=False, choices=(4, 2, 8))

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        return _replicated(unit, label, int(parameters["factor"]), innermost=False)


def _replicable(unit: Unit, *, innermost: bool, choices: tuple[int, ...]) -> list[Site]:
    found = []
    for candidate in all_loops(unit):
        known = integer(candidate.loop.upper)
        fitting = tuple(factor for factor in choices if known is None or factor <= known)
        try:
            _replicated(unit, candidate.label, 2, innermost)
        except NotApplicable:
            continue
        if fitting:
            found.append(Site(candidate.label, {"factor": fitting}))
    return found


MOVES: tuple[Move, ...] = (Sink(), Interchange(), Tile(), Fuse(), Distribute(), Unroll(), Jam())
