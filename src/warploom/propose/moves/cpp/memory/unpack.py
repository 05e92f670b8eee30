"""Narrow integers that a nest reads again and again, converted to floats once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.memory.packing import axes_of
from warploom.propose.moves.cpp.memory.panels import fill, place_in, reads, volume
from warploom.propose.moves.cpp.nests import Statements, element_type, flatten, inlined, place, three
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.query import all_loops, all_names, fresh
from warploom.syntax.cpp.tree import Call, Cast, Declare, Expression, Function, Index, Name, Unit
from warploom.syntax.cpp.walk import map_statements
from warploom.values.candidate import Scalar

_NARROW = ("int8_t", "uint8_t", "int16_t")


@dataclass(frozen=True)
class Unpack(Planned):
    """``(float)w[i]`` of a narrow integer array, reused by a loop, becomes a read of a float copy made before the loop.

    Where nothing is reused (a matrix times one vector) ``dot_block`` converts in registers instead.
    Site: ``function:loop:array``.
    """

    name: str = "unpack"
    phase: Phase = Phase.LAYOUT

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that read all of a slab of narrow integers in every iteration."""
        return [
            Site(label)
            for target in all_loops(unit)
            for label in dict.fromkeys(
                f"{target.label}:{base}" for base, _ in reads((target.loop,), target.function, _NARROW)
            )
            if self.fits(unit, label, {})
        ]

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the loop's place."""
        name, variable, array = three(label)
        target = place(unit, f"{name}:{variable}")
        body = inlined((target.loop,), target.function)
        access = _converted(body, array, target.function)
        axes = axes_of(body, access)
        if not axes or variable in {axis.variable for axis in axes}:
            raise NotApplicable(f"the loop over {variable} does not read the same of {array} again")
        taken = all_names(target.function)
        floats = fresh(f"{array}_floats", taken)
        held = fresh(f"{floats}_memory", taken)
        made: Statements = (
            Declare("Scratch", held, Call("Scratch", (volume(axes),))),
            Declare("float*", floats, Call("scratch_floats", (Name(held),))),
            fill(floats, Cast("float", access), axes, taken),
        )
        swap = Index(Name(floats), place_in(axes))

        def change(part: Expression) -> Expression:
            return swap if isinstance(part, Cast) and flatten(part.operand) == access else part

        return Plan(target.label, (*made, *map_statements(body, change)), {"scratch"})


def _converted(body: Statements, array: str, function: Function) -> Index:
    """The one way in which the statements read the array; every read converts it."""
    found = [access for base, access in reads(body, function, _NARROW) if base == array]
    if len(found) != 1 or element_type(array, function) not in _NARROW:
        raise NotApplicable(f"{array} is no array of narrow integers that is read in one way")

    def change(part: Expression) -> Expression:
        whole = isinstance(part, Cast) and part.type == "float" and flatten(part.operand) == found[0]
        return Name("converted") if whole else part

    if any(base == array for base, _ in reads(map_statements(body, change), function, _NARROW)):
        raise NotApplicable(f"{array} is read without conversion to float")
    return found[0]


MOVES: tuple[Move, ...] = (Unpack(),)
