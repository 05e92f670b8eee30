"""Spreading a loop over the cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, inlined, place
from warploom.propose.moves.cpp.threads.outline import Outline, mentions_vector, outline
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, add, integer, multiply, simplify, subtract
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    assigned_once,
    declaration_of,
    fresh,
    is_innermost,
    names_declared,
    names_in,
    replace_loop,
    unit_names,
)
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Function,
    Index,
    Loop,
    Name,
    Number,
    Parameter,
    RawItem,
    Statement,
    Ternary,
    Unary,
    Unit,
)
from warploom.syntax.cpp.walk import all_parts, rewrite, walk
from warploom.values.candidate import Scalar

HEADER = "#include <omp.h>"
_PREFIX = "static __attribute__((noinline))"
_FEW = 16
_DEEPEST = 1  # loops around it: further inside, starting threads costs more than they bring
_ALIGNED = 64  # iterations of an innermost loop: a part then starts on a cache line where the whole does


class Parallel:
    """Outline a loop into a function of a range, and give each thread ``parts`` ranges.

    Parameters:
        parts: ranges a thread: 1 is a static split, more are handed out as threads become free.
        collapse: 2 joins the loop with the one directly inside it, for outer loops of few iterations.

    Accumulators that outlive the loop get a slot a range and are added up afterwards, always in the same order.
    """

    name = "parallel"
    phase = Phase.THREADS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Outermost loops that can be outlined."""
        found = []
        for candidate in all_loops(unit):
            around = candidate.path[-1] if candidate.path else None
            function = candidate.function
            if len(candidate.path) > _DEEPEST or _few(candidate.loop, function):
                continue
            if around is not None and not _few(around, function):
                continue
            try:
                self.apply(unit, candidate.label, {"parts": 1})
            except NotApplicable:
                continue
            choices: dict[str, Sequence[Scalar]] = {"parts": (1, 4, 16)}
            try:
                self.apply(unit, candidate.label, {"parts": 1, "collapse": 2})
                choices["collapse"] = (1, 2)
            except NotApplicable:
                pass
            found.append(Site(candidate.label, choices))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        if any("omp" in pragma for loop in found.path for pragma in loop.pragmas) or _is_called(unit, found.function):
            raise NotApplicable(f"{label} runs inside a parallel loop already")
        if any("omp parallel" in pragma for pragma in found.loop.pragmas) or _is_spread(found.loop):
            raise NotApplicable(f"{label} is parallel already")
        if int(parameters.get("collapse", 1)) == 2:
            found = _collapsed(found)
        if mentions_vector(found):
            raise NotApplicable("a method of a vector is called inside the loop")
        return _spread(unit, label, found, outline(found), int(parameters.get("parts", 1)))


def _few(loop: Loop, function: Function) -> bool:
    """Whether the loop plainly has few iterations: a literal count, or what an unrolled loop left over."""
    span = integer(subtract(loop.upper, loop.lower))
    if span is not None:
        return span < _FEW
    lower = loop.lower
    if isinstance(lower, Name) and assigned_once(lower.text, function):
        declared = declaration_of(lower.text, function)
        lower = declared.value if declared is not None and declared.value is not None else lower
    match lower:
        case Binary("*", Binary("/", count, width), again) if width == again and count == loop.upper:
            step, block = integer(loop.step), integer(width)
            return step is not None and block is not None and block <= _FEW * step
    return False


def _is_called(unit: Unit, function: Function) -> bool:
    return any(
        isinstance(part, Call) and part.function == function.name
        for other in unit.functions
        if other.name != function.name
        for part in all_parts(other.body)
    )


def _is_spread(loop: Loop) -> bool:
    return any("omp" in pragma for s in walk((loop,)) for pragma in getattr(s, "pragmas", ()) if "simd" not in pragma)


def _collapsed(found: Place) -> Place:
    """The loop and the one directly inside it as one loop over all pairs."""
    outer = found.loop
    body = [s for s in inlined(outer.body, found.function) if not isinstance(s, Comment)]
    if len(body) != 1 or not isinstance(body[0], Loop):
        raise NotApplicable(f"the loop over {outer.variable} holds more than one loop")
    inner = body[0]
    if outer.variable in names_in(inner.lower) | names_in(inner.upper) or is_innermost(inner):
        raise NotApplicable(f"the loop over {inner.variable} cannot be joined with the one over {outer.variable}")
    counts = [_count(loop) for loop in (outer, inner)]
    pair = fresh(f"{outer.variable}_{inner.variable}", all_names(found.function))
    width = fresh(f"{inner.variable}_count", all_names(found.function))
    kind = outer.type
    values = (Binary("/", Name(pair), Name(width)), Binary("%", Name(pair), Name(width)))
    indices: Statements = tuple(
        Declare(f"const {kind}", loop.variable, add(loop.lower, multiply(value, loop.step)))
        for loop, value in zip((outer, inner), values, strict=True)
    )
    inner_count = Declare(f"const {kind}", width, counts[1])
    joined = Loop(pair, Number("0"), multiply(counts[0], counts[1]), (inner_count, *indices, *inner.body), ONE, kind)

    def change(statement: Statement) -> Statements | None:
        return (joined,) if statement is outer else None

    return Place(replace(found.function, body=rewrite(found.function.body, change)), joined, found.path)


def _count(loop: Loop) -> Expression:
    span = subtract(loop.upper, loop.lower)
    if loop.step == ONE:
        return span
    return simplify(Binary("/", Binary("-", Binary("+", span, loop.step), Number("1")), loop.step))


def _spread(unit: Unit, label: str, found: Place, outlined: Outline, share: int) -> Unit:
    function, loop = found.function, found.loop
    taken = all_names(function) | names_declared((loop,))
    kind = loop.type
    inner_taken = set(taken) | {parameter.name for parameter in outlined.parameters}
    begin, end = (fresh(f"{loop.variable}_{word}", inner_taken) for word in ("begin", "end"))
    name = fresh(f"{function.name}_{loop.variable}_range", unit_names(unit))
    range_loop = replace(loop, lower=Name(begin), upper=Name(end))
    body = (*outlined.private, replace(range_loop, pragmas=()))
    sums = sorted(outlined.sums)
    parameters = [*outlined.parameters, Parameter(kind, begin), Parameter(kind, end)]
    types = {parameter.name: parameter.type for parameter in outlined.parameters}
    results = {total: fresh(f"{total}_result", inner_taken) for total in sums}
    zeros = {total: outlined.sums[total] == "+=" for total in sums}
    parameters += [Parameter(f"{types[total]}* __restrict__", results[total]) for total in sums]
    starts: Statements = tuple(Assign(Name(total), "=", Number("0")) for total in sums if zeros[total])
    ends: Statements = tuple(Assign(Unary("*", Name(results[total])), "=", Name(total)) for total in sums)
    worker = Function(name, "void", tuple(parameters), (*starts, *body, *ends), _PREFIX)

    part, parts, chunk, first, last = (
        fresh(f"{loop.variable}_{word}", taken) for word in ("part", "parts", "chunk", "first", "last")
    )
    threads: Expression = Call("omp_get_max_threads", ())
    ranges = multiply(threads, Number(str(share)))
    count = _count(loop)
    size: Expression = Binary("/", Binary("-", Binary("+", count, Name(parts)), ONE), Name(parts))
    if is_innermost(loop) and loop.step == ONE:
        wide = Number(str(_ALIGNED))
        size = Binary("*", Binary("/", Binary("+", size, Number(str(_ALIGNED - 1))), wide), wide)
    distance = simplify(Binary("*", Name(chunk), loop.step)) if loop.step != ONE else Name(chunk)
    slots = {total: fresh(f"{total}_parts", taken) for total in sums}
    call_arguments = (
        *outlined.arguments,
        Name(first),
        Ternary(Binary("<", Name(last), loop.upper), Name(last), loop.upper),
        *(Binary("+", Name(slots[total]), Name(part)) for total in sums),
    )
    schedule = "static" if share == 1 else "dynamic"
    shared = Loop(
        part,
        Number("0"),
        Name(parts),
        (
            Declare(f"const {kind}", first, add(loop.lower, Binary("*", Name(part), distance))),
            Declare(f"const {kind}", last, Binary("+", Name(first), distance)),
            Evaluate(Call(name, call_arguments)),
        ),
        ONE,
        kind,
        (f"omp parallel for schedule({schedule})",),
    )
    gather = Loop(
        part,
        Number("0"),
        Name(parts),
        tuple(_gather(total, outlined.sums[total], slots[total], part) for total in sums),
        ONE,
        kind,
    )
    made: Statements = (
        Declare(f"const {kind}", parts, ranges),
        Declare(f"const {kind}", chunk, size),
        *(Declare(types[total], slots[total], None, (Name(parts),)) for total in sums),
        shared,
        *((gather,) if sums else ()),
    )
    return _finish(replace_loop(unit, label, made), function.name, outlined, worker)


def _gather(total: str, operator: str, slots: str, part: str) -> Assign:
    value = Index(Name(slots), Name(part))
    if operator == "+=":
        return Assign(Name(total), "+=", value)
    sign = ">" if operator == "max" else "<"
    return Assign(Name(total), "=", Ternary(Binary(sign, value, Name(total)), value, Name(total)))


def _finish(unit: Unit, caller: str, outlined: Outline, worker: Function) -> Unit:
    """The worker in front of its caller, the scratch it took along gone from there, and OpenMP's header on top."""
    moved = [id(statement) for statement in outlined.private]
    items: list[Function | RawItem] = []
    if not any(isinstance(item, RawItem) and HEADER in item.text for item in unit.items):
        items.append(RawItem(HEADER))
    for item in unit.items:
        if isinstance(item, Function) and item.name == caller:
            body = rewrite(item.body, lambda statement: () if id(statement) in moved else None)
            items += [worker, replace(item, body=body)]
        else:
            items.append(item)
    return parse(render(Unit(tuple(items))))


MOVES: tuple[Move, ...] = (Parallel(),)
