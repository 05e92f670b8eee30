"""``scan_in_register``: a running sum (product, maximum, minimum) that a loop writes out, sixteen steps at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.folds import update_of
from warploom.propose.moves.cpp.support import with_support
from warploom.propose.moves.cpp.vectors.body import bare
from warploom.propose.moves.cpp.vectors.legality import check, varying_names
from warploom.propose.moves.cpp.vectors.statements import Body
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, add, multiply, subtract
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    find_loop,
    fresh,
    names_declared,
    names_in,
    replace_loop,
)
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Comment,
    Declare,
    Expression,
    Loop,
    Name,
    Number,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import Statements, expressions, substitute
from warploom.values.candidate import Scalar

LANES = Number("16")
_COMBINE = {"max": "fmax16", "min": "fmin16"}


class ScanInRegister:
    """``s += e; out[j] = s;`` → a scan inside each vector, and one addition that carries from vector to vector.

    The value may be written before the update too (an exclusive scan). The rest of the loop stays scalar.
    """

    name = "scan_in_register"
    phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops with one running value."""
        found = []
        for place in all_loops(unit):
            try:
                _scanned(place)
            except NotApplicable:
                continue
            found.append(Site(place.label))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        if place is None:
            raise NotApplicable(f"no loop {label}")
        made, used = _scanned(place)
        return with_support(replace_loop(unit, label, made), *sorted(used))


def _split(loop: Loop) -> tuple[Statements, Statement, Statements]:
    """What stands before the update of the running value, the update, and what stands after it."""
    if not all(isinstance(one, Declare | Assign | Comment) or update_of(one) is not None for one in loop.body):
        raise NotApplicable("more than straight code in the loop")
    declared = names_declared(loop.body)
    found = [
        number
        for number, statement in enumerate(loop.body)
        if (update := update_of(statement)) is not None and update.name not in declared
    ]
    if len(found) != 1:
        raise NotApplicable("not one running value")
    return loop.body[: found[0]], loop.body[found[0]], loop.body[found[0] + 1 :]


def _reads(statement: Statement, name: str) -> bool:
    return any(name in names_in(expression) for expression in expressions(statement))


def _scanned(place: Place) -> tuple[Statements, set[str]]:
    function, loop = place.function, place.loop
    check(loop, function)
    before, step, after = _split(loop)
    update = update_of(step)
    assert update is not None
    if update.kind.startswith("nan") or update.name in names_in(update.value):
        raise NotApplicable("no scan of this kind")
    early = [statement for statement in before if _reads(statement, update.name)]
    if not early and not any(_reads(statement, update.name) for statement in after):
        raise NotApplicable("the running value is not used: a fold")
    if any(
        isinstance(statement, Declare) or isinstance(getattr(statement, "target", None), Name) for statement in early
    ):
        raise NotApplicable("what is added depends on the running value")

    taken = all_names(function)
    name = update.name
    names = varying_names(loop, function, frozenset({name}))
    if any(isinstance(s, Assign) and isinstance(s.target, Name) and s.target.text == name for s in (*before, *after)):
        raise NotApplicable("the running value is changed twice")
    lanes = Body(function, loop.variable, frozenset(names), False, lambda wish: fresh(wish, taken))
    carry, local, whole = (fresh(f"{name}_{part}", taken) for part in ("carry", "scan", "run"))
    scan = f"scan_{update.kind}16"
    lanes.used |= {scan, "splat16", "last16", "lane0"}

    def combined(one: Expression, other: Expression) -> Expression:
        if update.kind in _COMBINE:
            return lanes.make(_COMBINE[update.kind], one, other)
        return Binary("+" if update.kind == "sum" else "*", one, other)

    inside: list[Statement] = lanes.statements(tuple(s for s in before if s not in early))
    inside.append(Declare("const f32x16", local, Call(scan, (lanes.value(update.value),))))
    if early:
        shifted = fresh(f"{name}_before", taken)
        inside.append(
            Declare("const f32x16", shifted, combined(Name(carry), lanes.make(f"before_{scan}", Name(local))))
        )
        inside += substitute(tuple(lanes.statements(tuple(early))), {name: Name(shifted)})
    if any(_reads(statement, name) for statement in after):
        inside.append(Declare("const f32x16", whole, combined(Name(carry), Name(local))))
    inside += substitute(tuple(lanes.statements(after)), {name: Name(whole)})
    inside.append(Assign(Name(carry), "=", combined(Name(carry), Call("last16", (Name(local),)))))

    end, rest = fresh(f"{loop.variable}_end", taken), fresh(f"{loop.variable}_r", taken)
    count = subtract(loop.upper, loop.lower)
    mapping: dict[str, Expression] = {one: Name(fresh(f"{one}_r", taken)) for one in names_declared(loop.body)}
    remainder = substitute(loop.body, {**mapping, loop.variable: Name(rest)})
    return (
        Declare(f"const {bare(loop.type)}", end, add(loop.lower, multiply(Binary("/", count, LANES), LANES))),
        Declare("f32x16", carry, Call("splat16", (Name(name),))),
        Loop(loop.variable, loop.lower, Name(end), tuple(inside), LANES, loop.type),
        Assign(Name(name), "=", Call("lane0", (Name(carry),))),
        Loop(rest, Name(end), loop.upper, remainder, ONE, loop.type),
    ), lanes.used


MOVES: tuple[Move, ...] = (ScanInRegister(),)
