"""``vectorise``: sixteen iterations of a loop at once, in explicit GCC vectors.

The loop need not be the innermost one: inner loops whose bounds do not change with its variable are kept, with
vectors inside. Scalars that the loop accumulates into become vectors, in several independent copies when asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.folds import NEUTRAL, folds_in
from warploom.propose.moves.cpp.support import with_support
from warploom.propose.moves.cpp.vectors.body import bare
from warploom.propose.moves.cpp.vectors.legality import TOUCH, check, mentioned, varying_names
from warploom.propose.moves.cpp.vectors.statements import Body
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, add, integer, multiply, simplify, subtract
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    find_loop,
    fresh,
    inner_loops,
    names_declared,
    replace_loop,
)
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Declare,
    Expression,
    If,
    Loop,
    Name,
    Number,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import Statements, all_parts, substitute, walk
from warploom.values.candidate import Scalar

LANES = 16
TAILS = ("masked", "scalar")


class Vectorise:
    """Rewrites a loop of stride-1 and stride-0 accesses into vectors.

    Parameters: ``accumulators``, how many vectors an iteration handles side by side (1, 2, 4 or 8); ``gather`` (0 or
    1), whether strided loads may be collected lane by lane; ``tail``, how the iterations after the last whole group of
    vectors are done: "masked" in partial vectors, "scalar" as written. The loop keeps its name and steps over whole
    groups; ``<variable>_r`` steps over what is left, with a scalar tail after ``<variable>_v`` has gone on vector by
    vector.
    """

    name = "vectorise"
    phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Every loop that :meth:`apply` accepts, inner ones first."""
        places = all_loops(unit)[::-1]
        plain = {place.label for place in places if self._fits(unit, place.label, 0)}
        found = []
        for place in places:
            inner = bool(inner_loops(place.loop))
            around = {f"{place.function.name}:{loop.variable}" for loop in place.path}
            if place.label in plain:
                folds = folds_in(place.loop.body) and not inner
                most = _most_copies(place.loop)
                copies = tuple(n for n in ((4, 8, 2, 1) if folds else (1, 2, 4)) if n <= most)
                found.append(Site(place.label, {"accumulators": copies, "tail": TAILS}))
            elif not inner and not around & plain and self._fits(unit, place.label, 1):
                found.append(Site(place.label, {"accumulators": (4, 8, 2, 1), "gather": (1,), "tail": TAILS}))
        return found

    def _fits(self, unit: Unit, label: str, gather: int) -> bool:
        try:
            self.apply(unit, label, {"gather": gather})
        except NotApplicable:
            return False
        return True

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        place = find_loop(unit, label)
        if place is None:
            raise NotApplicable(f"no loop {label}")
        copies = int(parameters.get("accumulators", 1))
        tail = str(parameters.get("tail", TAILS[0]))
        if copies < 1 or tail not in TAILS:
            raise NotApplicable(f"accumulators={copies}, tail={tail}")
        made, used = _vectorised(place, copies, bool(parameters.get("gather", 0)), tail)
        return with_support(replace_loop(unit, label, made), *sorted(used))


def _vectorised(place: Place, copies: int, gather: bool, tail: str) -> tuple[Statements, set[str]]:
    function, loop = place.function, place.loop
    copies = min(copies, _most_copies(loop))
    check(loop, function)
    taken = all_names(function)
    names = varying_names(loop, function)
    lanes = Body(function, loop.variable, frozenset(names), gather, lambda wish: fresh(wish, taken))
    body = tuple(lanes.statements(loop.body))
    if not any(isinstance(part, Call) and part.function in TOUCH for part in all_parts(body)):
        raise NotApplicable("nothing here differs between the lanes")
    folds = {name: kind for name, kind in sorted(folds_in(loop.body).items()) if name in names}
    accumulators = {name: [fresh(f"{name}_v", taken) for _ in range(copies)] for name in folds}
    lanes.used |= {ACROSS[kind] for kind in folds.values()} | ({"splat16"} if folds else set())
    first: dict[str, Expression] = {name: Name(accumulators[name][0]) for name in folds}
    single = substitute(body, first)
    before: list[Statement] = [
        Declare("f32x16", one, Call("splat16", (NEUTRAL.get(kind, Name(name)),)))
        for name, kind in folds.items()
        for one in accumulators[name]
    ]
    joined = [_joined(name, kind, accumulators[name], lanes) for name, kind in folds.items()]

    group = LANES * copies
    known = integer(subtract(loop.upper, loop.lower))
    if known is not None and known < group:
        raise NotApplicable("the loop is shorter than its vectors")
    own = names | {one for listed in accumulators.values() for one in listed}
    own |= names_declared(body) - names_declared(loop.body)
    inside = single if copies == 1 else _side_by_side(single, loop.variable, copies, own, accumulators, taken)
    end, declared = _end(loop, loop.lower, group, loop.variable, taken)
    main = replace(loop, upper=end, body=inside, step=Number(str(group)), pragmas=())
    made: list[Statement] = [*before, *declared, main]
    if not declared:
        return (*made, *joined), lanes.used
    rest = fresh(f"{loop.variable}_r", taken)
    if tail == "masked":
        partial = _masked(lanes, loop, end, rest, folds, taken)
        return (*made, *substitute((partial,), first), *joined), lanes.used
    if copies > 1 and (known is None or known % group >= LANES):
        variable = fresh(f"{loop.variable}_v", taken)
        stop, declared = _end(loop, end, LANES, variable, taken)
        again = _renamed(single, loop.variable, variable, taken)
        made += [*declared, Loop(variable, end, stop, again, Number(str(LANES)), loop.type)]
        end = stop
        if not declared:
            return (*made, *joined), lanes.used
    remainder = Loop(rest, end, loop.upper, _renamed(loop.body, loop.variable, rest, taken), ONE, loop.type)
    return (*made, *joined, remainder), lanes.used


def _masked(lanes: Body, loop: Loop, begin: Expression, rest: str, folds: Mapping[str, str], taken: set[str]) -> Loop:
    """The iterations after ``begin`` in vectors of which only the lanes inside the loop's range count."""
    left, on = fresh(f"{loop.variable}_left", taken), fresh(f"{loop.variable}_on", taken)
    partial = replace(lanes, left=Name(left), tail=Name(on), folds=frozenset(folds), used=lanes.used)
    body = _renamed(tuple(partial.statements(loop.body)), loop.variable, rest, taken)
    count: list[Statement] = [Declare(f"const {bare(loop.type)}", left, Binary("-", loop.upper, Name(rest)))]
    if folds:
        lanes.used |= {"i32x16", "part16"}
        count.append(Declare("const i32x16", on, Call("part16", (Name(left),))))
    return Loop(rest, begin, loop.upper, (*count, *body), Number(str(LANES)), loop.type)


ACROSS = {
    "sum": "sum16",
    "product": "product16",
    "max": "max16",
    "min": "min16",
    "nanmax": "nanmax16",
    "nanmin": "nanmin16",
}


def _most_copies(loop: Loop) -> int:
    """How many vectors an iteration may handle before the loop has no whole iteration."""
    known = integer(subtract(loop.upper, loop.lower))
    return 64 if known is None else max(1, known // LANES)


def _end(
    loop: Loop, begin: Expression, step: int, variable: str, taken: set[str]
) -> tuple[Expression, list[Statement]]:
    """Where whole steps end, and the declaration of that end; none when nothing is left behind it."""
    count = subtract(loop.upper, begin)
    known = integer(count)
    if known is not None and known % step == 0:
        return loop.upper, []
    end = add(begin, multiply(Binary("/", count, Number(str(step))), Number(str(step))))
    name = fresh(f"{variable}_end", taken)
    return Name(name), [Declare(f"const {bare(loop.type)}", name, simplify(end))]


def _joined(name: str, kind: str, copies: list[str], lanes: Body) -> Statement:
    joined: Expression = Name(copies[0])
    for other in copies[1:]:
        if kind in ("sum", "product"):
            joined = Binary("+" if kind == "sum" else "*", joined, Name(other))
        else:
            joined = lanes.make({"max": "fmax16", "min": "fmin16"}.get(kind, ACROSS[kind]), joined, Name(other))
    across = Call(ACROSS[kind], (joined,))
    return Assign(Name(name), {"sum": "+=", "product": "*="}.get(kind, "="), across)


def _renamed(body: Statements, variable: str, to: str, taken: set[str]) -> Statements:
    """A copy for another variable, with locals of its own."""
    mapping: dict[str, Expression] = {name: Name(fresh(f"{name}_r", taken)) for name in names_declared(body)}
    return substitute(body, {**mapping, variable: Name(to)})


def _side_by_side(
    body: Statements,
    variable: str,
    copies: int,
    own: set[str],
    accumulators: Mapping[str, list[str]],
    taken: set[str],
) -> Statements:
    """The vectors of one iteration, statement by statement, so that they do not wait for one another."""
    mappings: list[dict[str, Expression]] = [{}]
    inner = {loop.variable for loop in walk(body) if isinstance(loop, Loop)}
    for number in range(1, copies):
        mapping: dict[str, Expression] = {variable: add(Name(variable), Number(str(LANES * number)))}
        for name in sorted((own & names_declared(body)) - inner):
            mapping[name] = Name(fresh(f"{name}_{number}", taken))
        for listed in accumulators.values():
            mapping[listed[0]] = Name(listed[number])
        mappings.append(mapping)

    def differs(statement: Statement) -> bool:
        return bool((mentioned((statement,)) | names_declared((statement,))) & own)

    def go(statements: Statements) -> Statements:
        made: list[Statement] = []
        for statement in statements:
            match statement:
                case Loop(body=inside):
                    made.append(replace(statement, body=go(inside)))
                case If(condition, then, otherwise):  # its condition is the same in all lanes
                    made.append(If(condition, go(then), go(otherwise)))
                case Block(body=inside):
                    made.append(replace(statement, body=go(inside)))
                case _ if differs(statement):
                    for mapping in mappings:
                        made += substitute((statement,), mapping)
                case _:
                    made.append(statement)
        return tuple(made)

    return go(body)


MOVES: tuple[Move, ...] = (Vectorise(),)
