"""Sink: a reduction with strided loads under a contiguous loop becomes a contiguous loop under the reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import (
    Statements,
    finish,
    inlined,
    mentions,
    place,
    plain_step,
    scalar_type,
    varying,
)
from warploom.propose.moves.cpp.ranges import minimum
from warploom.propose.moves.protocol import Phase, Site
from warploom.syntax.cpp.affine import ONE, ZERO, add, stride, subtract
from warploom.syntax.cpp.query import (
    Place,
    all_loops,
    all_names,
    fresh,
    inner_loops,
    names_declared,
    names_in,
    names_read,
    names_written,
    uses,
)
from warploom.syntax.cpp.tree import (
    Assign,
    Comment,
    Declare,
    Expression,
    Index,
    Loop,
    Name,
    Number,
    RawStatement,
    Return,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import all_parts, substitute, walk
from warploom.values.candidate import Scalar

_MOST_SCALARS = 16
_INSIDE, _AROUND, _OUTSIDE = "inside", "around", "outside"


class Sink:
    """Expand, distribute, interchange: scalars of the body become buffers of ``block`` elements, loops inside move out.

    ``for j { s = 0; for t s += x[t * n + j]; out[j] = s; }`` walks down columns; afterwards, for a block of ``j``, the
    loop over ``t`` is outside and the contiguous loop over ``j`` innermost. The loop over blocks is ``j_t``, inside
    it ``j`` counts from zero. Also turns the plain matrix product (ijk) into ikj.

    Parameters:
        block: elements of ``j`` handled at once; a buffer of as many stands on the stack for every scalar.
    """

    name = "sink"
    phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that are contiguous in an access of a loop inside which itself walks in strides."""
        found = []
        for candidate in all_loops(unit):
            if not _walks_down(candidate):
                continue
            try:
                self.apply(unit, candidate.label, {"block": 256})
            except NotApplicable:
                continue
            found.append(Site(candidate.label, {"block": (256, 512, 1024, 128, 64)}))
        return found

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        found = place(unit, label)
        loop = found.loop
        plain_step(loop)
        if any(isinstance(statement, RawStatement | Return) for statement in walk(loop.body)):
            raise NotApplicable(f"the loop over {loop.variable} holds statements outside the subset")
        if any(inner.pragmas for inner in (loop, *inner_loops(loop))):
            raise NotApplicable(f"a pragma stands at or inside the loop over {loop.variable}")
        block = int(parameters["block"])
        taken = all_names(found.function)
        outer, width = fresh(f"{loop.variable}_t", taken), fresh(f"{loop.variable}_n", taken)
        body: Statements = tuple(s for s in inlined(loop.body, found.function) if not isinstance(s, Comment))
        body = substitute(body, {loop.variable: add(Name(outer), Name(loop.variable))})
        spread = _Spread(loop.variable, Name(width), loop.type, varying(body, loop.variable))
        inside = spread.statements(body, frozenset())
        if not spread.moved_out:
            raise NotApplicable(f"no loop inside the one over {loop.variable} can move out")
        if len(spread.buffers) > _MOST_SCALARS:
            raise NotApplicable("too many scalars to expand")
        length = (Number(str(block)),)
        buffers = tuple(Declare(f"alignas(64) {kind}", name, None, length) for name, kind in spread.buffers)
        span = subtract(loop.upper, Name(outer))
        size = Declare(f"const {loop.type}", width, minimum(Number(str(block)), span))
        made = Loop(outer, loop.lower, loop.upper, (size, *buffers, *inside), Number(str(block)), loop.type)
        return finish(unit, label, (made,))


class _Spread:
    """Distributes one loop over a list of statements, and moves it under the loops among them."""

    def __init__(self, variable: str, width: Expression, kind: str, changing: set[str]) -> None:
        self._variable = variable
        self._width = width
        self._kind = kind
        self._changing = changing
        self.buffers: list[tuple[str, str]] = []
        self.moved_out = 0

    def statements(self, statements: Statements, open_names: frozenset[str]) -> Statements:
        """The statements with the loop put around each run of simple ones and inside each loop."""
        runs: list[list[Statement]] = []
        for statement in statements:
            last = runs[-1][-1] if runs else None
            if last is not None and self._place(last) == self._place(statement) == _AROUND:
                runs[-1].append(statement)
            elif last is not None and self._place(statement) == _OUTSIDE and _may_go_before(statement, runs[-1]):
                runs.insert(len(runs) - 1, [statement])
            else:
                runs.append([statement])
        crossing = self._crossing(runs)
        made: list[Statement] = []
        for run in runs:
            where, (loop, *_) = self._place(run[0]), run
            if where == _AROUND:
                made += self._around(tuple(run), crossing)
            if where != _INSIDE or not isinstance(loop, Loop):
                made += run if where == _OUTSIDE else ()
                continue
            self.moved_out += 1
            inner = self.statements(loop.body, open_names)
            made.append(replace(loop, body=self._expanded(inner, crossing)))
        return tuple(made)

    def _place(self, statement: Statement) -> str:
        """Where the loop goes: inside a loop that runs alike for all of it, around what changes with it, or nowhere."""
        changing = self._changing | {self._variable}
        match statement:
            case Loop(_, lower, upper, _, step) if not (names_in(lower) | names_in(upper) | names_in(step)) & changing:
                return _INSIDE
            case Declare() | Assign(Name()) if not mentions(statement, changing):
                return _OUTSIDE
            case _:
                return _AROUND

    def _crossing(self, runs: list[list[Statement]]) -> dict[str, str]:
        """Scalars declared in one run and used in another: name → element type."""
        found: dict[str, str] = {}
        for place_, run in enumerate(runs):
            for statement in run:
                if not isinstance(statement, Declare) or self._place(statement) == _OUTSIDE:
                    continue
                if not any(uses(other, statement.name) for number, other in enumerate(runs) if number != place_):
                    continue
                if statement.extents or "*" in statement.type or "&" in statement.type or "auto" in statement.type:
                    raise NotApplicable(f"{statement.name} cannot be expanded")
                found[statement.name] = scalar_type(statement.type)
        self.buffers += found.items()
        return found

    def _around(self, run: Statements, crossing: Mapping[str, str]) -> Statements:
        """The loop around a run of simple statements."""
        body: list[Statement] = []
        for statement in run:
            if isinstance(statement, Declare) and statement.name in crossing:
                if statement.value is not None:
                    body.append(Assign(Name(statement.name), "=", statement.value))
            else:
                body.append(statement)
        if not body:
            return ()
        expanded = self._expanded(tuple(body), crossing)
        return (Loop(self._variable, ZERO, self._width, expanded, ONE, self._kind),)

    def _expanded(self, statements: Statements, crossing: Mapping[str, str]) -> Statements:
        return substitute(statements, {name: self._element(name) for name in crossing})

    def _element(self, name: str) -> Expression:
        return Index(Name(name), Name(self._variable))


def _may_go_before(statement: Statement, run: list[Statement]) -> bool:
    """Whether a declaration may stand before the statements that came before it."""
    if not isinstance(statement, Declare) or isinstance(run[0], Loop):
        return False
    return not names_read((statement,)) & (names_written(run) | names_declared(run))


def _walks_down(found: Place) -> bool:
    """Whether a loop inside has an access that is contiguous in this loop and strided in that one."""
    variable, function = found.loop.variable, found.function
    for inner in inner_loops(found.loop):
        if variable in names_in(inner.lower) | names_in(inner.upper):
            continue
        for part in all_parts(inner.body):
            if isinstance(part, Index) and stride(part, variable, function) == ONE:
                step = stride(part, inner.variable, function)
                if step is not None and step not in (ZERO, ONE):
                    return True
    return False
