"""Copies of operands in the order in which they are read."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.propose.moves.cpp.nests import Statements, element_type, flatten
from warploom.syntax.cpp.affine import ZERO, add, multiply, number, subtract
from warploom.syntax.cpp.query import fresh, names_declared, names_in, names_written
from warploom.syntax.cpp.render import render_expression
from warploom.syntax.cpp.tree import Assign, Declare, Expression, Function, Index, Loop, Name, Statement
from warploom.syntax.cpp.walk import all_parts, map_statements, substitute_in, walk


@dataclass(frozen=True)
class Axis:
    """One axis of a copy: a loop whose variable the original's index depends on, and where it runs."""

    variable: str
    lower: Expression
    upper: Expression
    type: str

    @property
    def extent(self) -> Expression:
        """Its length."""
        return subtract(self.upper, self.lower)


def place_in(axes: list[Axis]) -> Expression:
    """The flat index of an element of a copy with these axes, the last one contiguous."""
    flat: Expression = ZERO
    for axis in axes:
        flat = add(multiply(flat, axis.extent), subtract(Name(axis.variable), axis.lower))
    return flat


def volume(axes: list[Axis]) -> Expression:
    """Elements of a copy with these axes."""
    total: Expression = number(1)
    for axis in axes:
        total = multiply(total, axis.extent)
    return total


def fill(name: str, access: Expression, axes: list[Axis], taken: set[str]) -> Statement:
    """Loops over the axes that copy ``access`` into ``name``."""
    fresh_names = {axis.variable: Name(fresh(f"{axis.variable}_p", taken)) for axis in axes}
    target = substitute_in(Index(Name(name), place_in(axes)), fresh_names)
    made: Statement = Assign(target, "=", substitute_in(access, fresh_names))
    for axis in reversed(axes):
        made = Loop(fresh_names[axis.variable].text, axis.lower, axis.upper, (made,), type=axis.type)
    return made


def reads(
    statements: Statements, function: Function, kinds: tuple[str, ...] = ("float", "int8_t")
) -> list[tuple[str, Index]]:
    """Every distinct read of an array of numbers that these statements do not write."""
    written = names_written(statements)
    found: dict[str, tuple[str, Index]] = {}
    for part in all_parts(statements):
        flat = flatten(part) if isinstance(part, Index) else part
        if not isinstance(flat, Index) or not isinstance(flat.base, Name) or flat.base.text in written:
            continue
        if element_type(flat.base.text, function) in kinds:
            found.setdefault(render_expression(flat), (flat.base.text, flat))
    return list(found.values())


def panels(
    body: Statements, column: str, fixed: set[str], width: int, function: Function, taken: set[str]
) -> tuple[Statements, Statements]:
    """Copies of ``width`` columns of what depends on ``column`` and on no loop of ``fixed``, and the body reading them.

    The copy has the body's loops as outer axes, in their order, and the column as the contiguous one.
    """
    loops = {s.variable: Axis(s.variable, s.lower, s.upper, s.type) for s in walk(body) if isinstance(s, Loop)}
    own = names_declared(body) - set(loops)
    start = fresh(f"{column}_start", taken)
    fills: list[Statement] = []
    swaps: dict[Index, Index] = {}
    for base, access in reads(body, function):
        names = names_in(access)
        axes = [axis for variable, axis in loops.items() if variable in names]
        bounds = {name for axis in axes for name in names_in(axis.extent) | names_in(axis.lower)}
        if column not in names or not axes or names & (fixed | own) or bounds & (fixed | own | set(loops) | {column}):
            continue
        kind = element_type(base, function)
        panel = fresh(f"{base}_panel", taken)
        axes.append(Axis(column, Name(start), add(Name(start), number(width)), "int64_t"))
        fills.append(Declare(f"alignas(64) {kind}", panel, None, (multiply(volume(axes[:-1]), number(width)),)))
        fills.append(fill(panel, access, axes, taken))
        swaps[access] = Index(Name(panel), place_in(axes))
    if not fills:
        return (), body

    def change(part: Expression) -> Expression:
        flat = flatten(part)
        return swaps.get(flat, part) if isinstance(flat, Index) else part

    begin = Declare("const int64_t", start, Name(column))
    return (begin, *fills), map_statements(body, change)
