"""Copies of a slab of an operand, in the order in which a nest reads it, made once before the nest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.memory.panels import Axis, fill, place_in, reads, volume
from warploom.propose.moves.cpp.nests import (
    Statements,
    element_type,
    flatten,
    holds_sums,
    inlined,
    place,
    three,
)
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, stride
from warploom.syntax.cpp.query import all_loops, all_names, fresh, names_declared, names_in, names_written
from warploom.syntax.cpp.tree import Call, Declare, Expression, Function, Index, Loop, Name, Unit
from warploom.syntax.cpp.walk import map_statements, walk
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class Pack(Planned):
    """What a nest reads of an array is copied into contiguous scratch before it. Site: ``function:loop:array``.

    The copy stands before the loop and holds all that the loop reads of the array; place it where the slab is reused,
    as the keys of a head are in the loop over its queries. ``inner`` names the loop along which the copy is contiguous.
    """

    name: str = "pack"
    phase: Phase = Phase.LAYOUT

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that read an array again and again, or against its order, with the loops it could be contiguous in."""
        found = []
        for target in all_loops(unit):
            body = inlined((target.loop,), target.function)
            outputs = {s.variable for s in walk(body) if isinstance(s, Loop) and holds_sums(s)}
            for base, access in reads(body, target.function):
                axes = [axis.variable for axis in axes_of(body, access)]
                label = f"{target.label}:{base}"
                # Worth it where the loop itself reuses the slab, and an output loop reads it against its order.
                if target.loop.variable in axes or len(axes) < 2:
                    continue
                against = [v for v in reversed(axes) if v in outputs and stride(access, v, target.function) != ONE]
                choices = tuple(v for v in against if self.fits(unit, label, {"inner": v}))
                if choices:
                    found.append(Site(label, {"inner": choices}))
        return found

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the loop's place."""
        name, variable, array = three(label)
        target = place(unit, f"{name}:{variable}")
        body = inlined((target.loop,), target.function)
        access = _only_read(body, array, target.function)
        axes = axes_of(body, access)
        inner = str(parameters.get("inner", axes[-1].variable if axes else ""))
        if inner not in {axis.variable for axis in axes}:
            raise NotApplicable(f"{array} is not read along a loop over {inner}")
        axes.sort(key=lambda axis: axis.variable == inner)
        taken = all_names(target.function)
        packed = fresh(f"{array}_packed", taken)
        held = fresh(f"{packed}_memory", taken)
        kind = element_type(array, target.function) or "float"
        made: Statements = (
            Declare("Scratch", held, Call("Scratch", (volume(axes),))),
            Declare(f"{kind}*", packed, Call("scratch_floats", (Name(held),))),
            fill(packed, access, axes, taken),
        )
        swap = Index(Name(packed), place_in(axes))

        def change(part: Expression) -> Expression:
            return swap if isinstance(part, Index) and flatten(part) == access else part

        return Plan(target.label, (*made, *map_statements(body, change)), {"scratch"})


def _only_read(body: Statements, array: str, function: Function) -> Index:
    """The one way in which the statements read the array."""
    if array in names_written(body):
        raise NotApplicable(f"{array} is written")
    found = [access for base, access in reads(body, function) if base == array]
    if len(found) != 1 or element_type(array, function) != "float":
        raise NotApplicable(f"{array} is not read in one way only")
    return found[0]


def axes_of(body: Statements, access: Index) -> list[Axis]:
    """The loops whose variables the access depends on, outermost first.

    Raises:
        NotApplicable: the slab is no box: a range depends on another loop, or the index on other locals.
    """
    loops = [s for s in walk(body) if isinstance(s, Loop)]
    variables = {loop.variable for loop in loops}
    names = names_in(access)
    axes = [Axis(s.variable, s.lower, s.upper, s.type) for s in loops if s.variable in names and s.step == ONE]
    bounds = {name for axis in axes for name in names_in(axis.lower) | names_in(axis.upper)}
    own = names_declared(body) - variables
    if (names | bounds) & own or bounds & variables or len(axes) < len(names & variables):
        return []
    return axes


MOVES: tuple[Move, ...] = (Pack(),)
