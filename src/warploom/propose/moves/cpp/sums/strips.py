"""A long reduction in strips: all outputs take in one strip before the next, or a strip has a sum of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.folds import folds_in
from warploom.propose.moves.cpp.memory.panels import reads
from warploom.propose.moves.cpp.nests import Statements, inlined, place, plain_step, scalar_type, three
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.cpp.ranges import minimum
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, add, integer, number, stride, subtract
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    fresh,
    is_innermost,
    names_declared,
    names_in,
    names_written,
    type_of,
    uses,
)
from warploom.syntax.cpp.tree import (
    Assign,
    Declare,
    Expression,
    Index,
    Loop,
    Name,
    Number,
    Statement,
    Ternary,
    Unit,
)
from warploom.syntax.cpp.walk import substitute, walk
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class StripReduction(Planned):
    """``for d { acc = 0; for t { acc += … } use acc }`` with the range of ``t`` cut into strips of ``depth``.

    The accumulators of all ``d`` wait in a local array between strips, so that the strip of what ``t`` selects is read
    from memory once and stays in cache for every block of ``d``. Site: ``function:d:t``; the middle loop keeps the
    name ``d``, the strips' loop is ``t_s``.
    """

    name: str = "strip_reduction"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Output loops with scalar accumulators around a long reduction over what is contiguous in the output."""
        found = []
        for target in all_loops(unit):
            for statement in target.loop.body:
                if isinstance(statement, Loop):
                    label = f"{target.label}:{statement.variable}"
                    if _contiguous(target, statement) and self.fits(unit, label, {}):
                        found.append(Site(label, {"depth": (256, 128, 512, 64, 1024)}))
        return found

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the output loop's place."""
        name, output, reduction = three(label)
        target = place(unit, f"{name}:{output}")
        plain_step(target.loop)
        loop = replace(target.loop, body=inlined(target.loop.body, target.function))
        at = next((n for n, s in enumerate(loop.body) if isinstance(s, Loop) and s.variable == reduction), None)
        if at is None:
            raise NotApplicable(f"the loop over {reduction} does not stand in the loop over {output}")
        inner = loop.body[at]
        assert isinstance(inner, Loop)
        plain_step(inner)
        before, after = loop.body[:at], loop.body[at + 1 :]
        carried = _carried(before, inner)
        if (names_in(inner.lower) | names_in(inner.upper)) & {output, *(one.name for one in carried)}:
            raise NotApplicable(f"the range of {reduction} changes with {output}")
        taken = all_names(target.function)
        depth = number(int(parameters.get("depth", 256)))
        length = subtract(loop.upper, loop.lower)
        slot = subtract(Name(output), loop.lower)
        kept: dict[str, Expression] = {one.name: Index(Name(fresh(f"{one.name}_kept", taken)), slot) for one in carried}
        room = tuple(
            Declare(scalar_type(one.type), keep.base.text, None, (length,))
            for one, keep in zip(carried, kept.values(), strict=True)
            if isinstance(keep, Index) and isinstance(keep.base, Name)
        )
        begin = tuple(Assign(kept[one.name], "=", one.value) for one in carried if one.value is not None)
        load = tuple(replace(one, value=kept[one.name]) for one in carried)
        store = tuple(Assign(kept[one.name], "=", Name(one.name)) for one in carried)
        strips = fresh(f"{reduction}_s", taken)
        end = minimum(add(Name(strips), depth), inner.upper)
        strip = replace(inner, lower=Name(strips), upper=end)
        turn = replace(loop, body=(*load, strip, *store))
        first, last = fresh(f"{output}_b", taken), fresh(f"{output}_e", taken)
        made: Statements = (
            *room,
            replace(loop, variable=first, body=substitute(begin, {output: Name(first)})),
            replace(inner, variable=strips, step=depth, body=(turn,)),
            replace(loop, variable=last, body=substitute((*load, *after), {output: Name(last)})),
        )
        return Plan(target.label, made, set())


def _contiguous(target: Place, inner: Loop) -> bool:
    """Whether the reduction, of unknown length, reads something that lies side by side for neighbouring outputs."""
    output = target.loop.variable
    accesses = [
        access
        for _, access in reads(inlined((inner,), target.function), target.function)
        if inner.variable in names_in(access) and stride(access, output, target.function) == ONE
    ]
    return bool(accesses) and integer(subtract(inner.upper, inner.lower)) is None


def _carried(before: Statements, inner: Loop) -> list[Declare]:
    """The accumulators: scalars declared right before the reduction and assigned in it."""
    found = []
    for statement in before:
        if not isinstance(statement, Declare) or statement.extents or statement.value is None:
            raise NotApplicable("more than accumulators stands before the reduction")
        assigned = any(_assigns(one, statement.name) for one in walk(inner.body))
        if not assigned and uses((inner,), statement.name):
            raise NotApplicable(f"{statement.name} is needed in every strip")
        if assigned:
            found.append(statement)
    if not found or len(found) != len(before):
        raise NotApplicable("there is no accumulator right before the reduction")
    return found


def _assigns(statement: Statement, name: str) -> bool:
    return isinstance(statement, Assign) and statement.target == Name(name)


@dataclass(frozen=True)
class StripSums(Planned):
    """``for t { total += … }`` in strips of ``depth`` with sums of their own, which are added to ``total`` one by one.

    The error of a strip's sum grows with its depth, not with the length of the loop (Higham 1993, "The accuracy of
    floating point summation"), so that strips may be summed in single vectors where ``total`` is a ``double``. Offered
    for such sums alone. Site: ``function:t``; the loop inside keeps the name ``t``, the strips' loop is ``t_s``.
    """

    name: str = "strip_sums"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Innermost loops of unknown length that do nothing but add to doubles from outside."""
        return [
            Site(target.label, {"depth": (4096, 1024, 16384)})
            for target in all_loops(unit)
            if self.fits(unit, target.label, {})
        ]

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the loop's place."""
        target = place(unit, label)
        loop = target.loop
        plain_step(loop)
        sums = folds_in(loop.body)
        kinds = {scalar_type(type_of(one, target.function) or "") for one in sums}
        if not is_innermost(loop) or set(sums.values()) != {"sum"} or kinds != {"double"}:
            raise NotApplicable(f"the loop over {loop.variable} does more than add to doubles, or less")
        if names_written(loop.body) - names_declared(loop.body) - set(sums):
            raise NotApplicable(f"the loop over {loop.variable} leaves more than its sums")
        if isinstance(loop.upper, Ternary) or integer(subtract(loop.upper, loop.lower)) is not None:
            raise NotApplicable(f"the loop over {loop.variable} is a strip")
        taken = all_names(target.function)
        own: dict[str, Expression] = {one: Name(fresh(f"{one}_part", taken)) for one in sums}
        strips = fresh(f"{loop.variable}_s", taken)
        depth = number(int(parameters.get("depth", 4096)))
        end = minimum(add(Name(strips), depth), loop.upper)
        strip = replace(loop, lower=Name(strips), upper=end, body=substitute(loop.body, own))
        begin = tuple(Declare("double", part.text, Number("0.0")) for part in own.values() if isinstance(part, Name))
        join = tuple(Assign(Name(one), "+=", part) for one, part in own.items())
        return Plan(label, (replace(loop, variable=strips, step=depth, body=(*begin, strip, *join)),), set())


MOVES: tuple[Move, ...] = (StripReduction(), StripSums())
