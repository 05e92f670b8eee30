"""What several iterations have in common, done once for all: heads of a group that share keys and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.loops.replicate import jam
from warploom.propose.moves.cpp.nests import Statements, inlined, place, plain_step
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.cpp.ranges import in_pieces, minimum, one_loop, steps
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import add, multiply, number, subtract
from warploom.syntax.cpp.query import all_loops, all_names, fresh, names_declared, names_in, names_written
from warploom.syntax.cpp.tree import Binary, Expression, Loop, Name, Unit
from warploom.syntax.cpp.walk import all_parts, map_statements
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class ShareGroup(Planned):
    """A loop over ``h`` in which ``h / group`` selects data: one loop over groups, and one over the members of a group.

    The members are jammed ``rows`` at a time, so that what depends on the group alone is loaded once for all of them.
    Site: ``function:h``. The loop keeps its name and runs over groups; the members' loop is ``h_m``.
    """

    name: str = "share_group"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops whose variable is divided by something that does not change in them."""
        choices = {"rows": (5, 4, 2, 8, 3, 6, 1)}
        return [Site(p.label, choices) for p in all_loops(unit) if self.fits(unit, p.label, {"rows": 2})]

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the loop's place."""
        target = place(unit, label)
        loop = target.loop
        plain_step(loop)
        if loop.lower != number(0):
            raise NotApplicable(f"the loop over {loop.variable} does not begin at 0")
        body = inlined(loop.body, target.function)
        size = _divisor(loop, body)
        taken = all_names(target.function)
        member = fresh(f"{loop.variable}_m", taken)
        group = Name(loop.variable)

        def change(part: Expression) -> Expression:
            match part:
                case Binary("/", Name(text), divisor) if text == _OLD and divisor == size:
                    return group
                case Binary("%", Name(text), divisor) if text == _OLD and divisor == size:
                    return Name(member)
                case _:
                    return part

        def rename(part: Expression) -> Expression:
            return Name(_OLD) if part == group else part

        def split(part: Expression) -> Expression:
            return add(multiply(group, size), Name(member)) if part == Name(_OLD) else part

        body = map_statements(map_statements(map_statements(body, rename), change), split)
        count = Binary("/", subtract(add(loop.upper, size), number(1)), size)
        upper = minimum(size, subtract(loop.upper, multiply(group, size)))
        inner = Loop(member, number(0), upper, body, type=loop.type)

        def inside(height: int) -> Statements:
            return jam(body, member, height)

        rows = int(parameters.get("rows", 4))
        members = in_pieces(inner, steps(inner.lower, inner, _heights(rows)), inside)
        return Plan(target.label, (replace(loop, upper=count, body=members),), set())


_OLD = "the undivided variable"


def _divisor(loop: Loop, body: Statements) -> Expression:
    """What the loop's variable is divided by."""
    changing = names_declared(body) | names_written(body) | {loop.variable}
    found = [
        part.right
        for part in all_parts(body)
        if isinstance(part, Binary) and part.op == "/" and part.left == Name(loop.variable)
    ]
    if not found or any(other != found[0] for other in found) or names_in(found[0]) & changing:
        raise NotApplicable(f"{loop.variable} is not divided by a fixed number")
    return found[0]


def _heights(rows: int) -> list[int]:
    """Blocks of ``rows``, then of two, then one by one: a group smaller than a block is still shared."""
    return sorted({rows, min(rows, 2), 1}, reverse=True)


@dataclass(frozen=True)
class ShareRows(Planned):
    """Iterations of a loop around several others, side by side before anything in it is blocked: queries of a prefill.

    What ``jam`` does late, for a body of several loops whose blocks come after it. Site: ``function:loop``.
    """

    name: str = "share_rows"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops whose body holds at least two loops, one of them around another."""
        choices = {"rows": (6, 8, 4, 2, 3)}
        return [Site(p.label, choices) for p in all_loops(unit) if self.fits(unit, p.label, {"rows": 2})]

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the loop's place."""
        target = place(unit, label)
        loop = target.loop
        plain_step(loop)
        body = inlined(loop.body, target.function)
        inner = [one for one in body if isinstance(one, Loop)]
        if len(inner) < 2 or not any(isinstance(s, Loop) for one in inner for s in one.body):
            raise NotApplicable(f"the loop over {loop.variable} is not around several others")
        rows = int(parameters.get("rows", 6))

        def inside(height: int) -> Statements:
            return jam(body, loop.variable, height)

        if not target.path:

            def left(begin: Expression) -> Statements:
                return in_pieces(loop, steps(begin, loop, [1]) if rows > 1 else [], inside)

            return Plan(target.label, one_loop(loop, rows, inside(rows), left), set())
        made = in_pieces(loop, steps(loop.lower, loop, sorted({rows, 1}, reverse=True)), inside)
        return Plan(target.label, made, set())


MOVES: tuple[Move, ...] = (ShareGroup(), ShareRows())
