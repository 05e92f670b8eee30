"""Vectors along a reduction: ``dot_block``, for operands that are both contiguous in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.loops.replicate import jam
from warploom.propose.moves.cpp.nests import Statements, holds_sums, inlined, place, plain_step, three
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.cpp.ranges import in_pieces, one_loop, steps
from warploom.propose.moves.cpp.vectors.lanes import LANES, Lanes
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import integer, subtract
from warploom.syntax.cpp.query import all_loops, all_names
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Declare,
    Expression,
    Function,
    Loop,
    Name,
    Number,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import rewrite
from warploom.values.candidate import Scalar

_MOST = 28  # accumulators that fit the 32 registers of AVX-512 beside operands


@dataclass(frozen=True)
class DotBlock(Planned):
    """Vectors along a reduction, for several outputs at once.

    Site: ``function:reduction`` or ``function:row:reduction``.

    With a row loop its iterations are jammed first, ``rows`` at a time; all accumulators of the reduction loop get a
    vector each (``vectors`` of them when there are few), summed across at its end.
    """

    name: str = "dot_block"
    phase: Phase = Phase.BLOCKING

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Reductions whose operands are contiguous, alone and with the loops of the outputs they belong to."""
        found = []
        for inner in all_loops(unit):
            if not _is_reduction(inner.loop):
                continue
            own = f"{inner.function.name}:{inner.loop.variable}"
            if self.fits(unit, own, {"vectors": 1}):
                alone = len({s.target for s in inner.loop.body if isinstance(s, Assign)}) == 1
                found.append(Site(own, {"vectors": (4, 2, 1, 8) if alone else (1, 2, 4)}))
            for depth in range(len(inner.path) - 1, -1, -1):
                outer = inner.path[depth]
                label = f"{inner.function.name}:{outer.variable}:{inner.loop.variable}"
                if depth + 1 < len(inner.path) and outer.body != (inner.path[depth + 1],):
                    break
                if holds_sums(outer) and self.fits(unit, label, {"rows": 2, "vectors": 1}):
                    found.append(Site(label, {"rows": (4, 8, 2, 16, 1), "vectors": (1, 2, 4)}))
        return found

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the nest's place."""
        name, row, reduction = three(label)
        vectors = int(parameters.get("vectors", 1))
        if not row:
            target = place(unit, f"{name}:{reduction}")
            taken, used = all_names(target.function), {"f32x16"}
            made = _across(target.loop, target.function, vectors, taken, used)
            return Plan(target.label, made, used)
        rows = int(parameters.get("rows", 4))
        target = place(unit, f"{name}:{row}")
        plain_step(target.loop)
        body = inlined(target.loop.body, target.function)
        taken, used = all_names(target.function), {"f32x16"}

        def inside(size: int) -> Statements:
            return _replaced(jam(body, row, size), reduction, target.function, vectors, taken, used)

        def left(begin: Expression) -> Statements:
            return in_pieces(target.loop, steps(begin, target.loop, [1]), inside)

        if target.path:
            made = in_pieces(target.loop, steps(target.loop.lower, target.loop, [rows, 1]), inside)
        else:
            made = one_loop(target.loop, rows, inside(rows), left if rows > 1 else lambda _: ())
        return Plan(target.label, made, used)


def _totals(loop: Loop) -> list[str]:
    """Scalars from outside that every iteration adds to."""
    own = {statement.name for statement in loop.body if isinstance(statement, Declare)}
    found: dict[str, None] = {}
    for statement in loop.body:
        if isinstance(statement, Assign) and isinstance(statement.target, Name) and statement.target.text not in own:
            if statement.op not in ("+=", "-="):
                raise NotApplicable(f"{statement.target.text} is not a sum")
            found[statement.target.text] = None
    return list(found)


def _is_reduction(loop: Loop) -> bool:
    plain = all(isinstance(statement, Declare | Assign) for statement in loop.body)
    return plain and any(isinstance(s, Assign) and isinstance(s.target, Name) for s in loop.body)


def _across(loop: Loop, function: Function, vectors: int, taken: set[str], used: set[str]) -> Statements:
    """One reduction loop in vectors: declarations, main loop, sums across, scalar rest."""
    plain_step(loop)
    length = integer(subtract(loop.upper, loop.lower))
    if length is not None and length < LANES * vectors:
        raise NotApplicable(f"the loop over {loop.variable} is shorter than {vectors} vectors")
    loop = replace(loop, body=inlined(loop.body, function))
    names = _totals(loop)
    if not names:
        raise NotApplicable(f"the loop over {loop.variable} sums nothing")
    if len(names) * vectors > _MOST:
        raise NotApplicable(f"{len(names)} sums of {vectors} vectors do not fit the registers")
    totals = {name: f"{name}_sum" for name in names}
    lanes = Lanes(function, loop.variable, vectors, taken, totals)
    body = lanes.rewrite(loop.body)
    parts = [f"{totals[name]}{v if vectors > 1 else ''}" for name in names for v in range(vectors)]
    used.update(lanes.used, {"splat16", "sum16"})
    made: list[Statement] = [Declare("f32x16", part, Call("splat16", (Number("0.0f"),))) for part in parts]
    for piece in steps(loop.lower, loop, [vectors * LANES, 1]):
        made += in_pieces(loop, [piece], lambda size: body if size > 1 else loop.body)
        if piece.width > 1:
            for name in names:
                sums: Expression = Name(f"{totals[name]}{'0' if vectors > 1 else ''}")
                for v in range(1, vectors):
                    sums = Binary("+", sums, Name(f"{totals[name]}{v}"))
                made.append(Assign(Name(name), "+=", Call("sum16", (sums,))))
    return tuple(made)


def _replaced(
    statements: Statements, reduction: str, function: Function, vectors: int, taken: set[str], used: set[str]
) -> Statements:
    """The statements with every copy of the reduction loop in vectors."""

    def change(statement: Statement) -> Statements | None:
        if isinstance(statement, Loop) and statement.variable == reduction:
            return _across(statement, function, vectors, taken, used)
        return None

    return rewrite(statements, change)


MOVES: tuple[Move, ...] = (DotBlock(),)
