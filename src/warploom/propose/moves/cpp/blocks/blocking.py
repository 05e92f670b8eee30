"""Register blocks: a tile of outputs held in vector registers while a reduction runs.

``register_block`` makes rows × (vectors · 16) accumulators, explicit variables each, of a nest whose body keeps a
scalar accumulator; each loaded vector then serves every row, each broadcast number every vector (Goto and van de
Geijn 2008, "Anatomy of high-performance matrix multiplication").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.blocks import dots
from warploom.propose.moves.cpp.loops.replicate import jam
from warploom.propose.moves.cpp.memory.panels import panels, reads
from warploom.propose.moves.cpp.nests import (
    Statements,
    accumulators,
    chain,
    idempotent,
    inlined,
    mentions,
    place,
    plain_step,
    three,
)
from warploom.propose.moves.cpp.planned import Plan, Planned
from warploom.propose.moves.cpp.ranges import Piece, in_pieces, one_loop, pieces, steps
from warploom.propose.moves.cpp.vectors.lanes import LANES, Lanes
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.query import Place, all_loops, all_names, names_in
from warploom.syntax.cpp.tree import Declare, Expression, Function, Loop, Statement, Unit
from warploom.syntax.cpp.walk import walk
from warploom.values.candidate import Scalar

_MOST = 28  # accumulators that fit the 32 registers of AVX-512 beside operands


@dataclass(frozen=True)
class RegisterBlock(Planned):
    """Rows × vectors of accumulators. Site: ``function:row:column``, the two loops in either order of nesting.

    The loops between the two must be nested perfectly; index and pointer locals between them are inlined. ``outer``
    says which of the two comes to stand outside. ``pack`` copies what the column operand gives to one block of columns
    into a contiguous panel, so that it need not be contiguous in the column (``x @ w.T``, filters of a convolution).
    A site ``function:column`` blocks one loop alone, whose body may have been jammed before.
    """

    name: str = "register_block"
    phase: Phase = Phase.BLOCKING

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops around scalar accumulators, alone and in pairs, whose operands are contiguous or can be packed.

        Pairs in which rows share what a block of columns loads come first, and among them those that need no packing.
        """
        found: list[tuple[int, Site]] = []
        for column, row in _candidates(unit):
            label = ":".join([column.function.name, *([row.variable] if row else []), column.loop.variable])
            sums = accumulators(column.loop.body)
            if not _sums_scalars(column.loop if row is None else _innermost(column, row)):
                continue
            if row is not None and not _shares(column, row):
                continue
            packs = [p for p, order in _PACKS if self.fits(unit, label, {**_PROBE, "pack": p, "outer": order})]
            if row is None and len(sums) < 2:
                packs = [p for p in packs if p == "none"]
            if not packs:
                continue
            vectors = (4, 2, 1, 3, 5) if row is not None else (8, 4, 2, 1) if len(sums) > 1 else (4, 8, 2, 1)
            choices: dict[str, Sequence[Scalar]] = {"vectors": vectors, "pack": packs}
            if row is not None:
                choices["rows"] = (6, 8, 4, 12, 2, 1, 3, 5)
                choices["outer"] = ("columns", "rows", "keep") if packs[0] == "panel" else ("keep", "columns", "rows")
            choices["tail"] = ("overlap", "scalar")
            found.append((2 * (row is None) + (packs[0] == "panel"), Site(label, choices)))
        return [site for _, site in sorted(found, key=lambda ranked: ranked[0])]

    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What takes the nest's place."""
        name, row, column = three(label)
        rows = int(parameters.get("rows", 6)) if row else 1
        vectors = int(parameters.get("vectors", 4))
        outer, loops = _nest(unit, name, row or column, column)
        _reorder(loops, row, column, str(parameters.get("outer", "keep")))
        sums = accumulators(loops[-1].body)
        if not sums:
            raise NotApplicable("there is no accumulator to keep in registers")
        if rows * vectors > _MOST:
            raise NotApplicable(f"{rows} × {vectors} accumulators do not fit the registers")
        many = range(0, len(sums), max(1, _MOST // (rows * vectors)))
        groups = [sums[at : at + many.step] for at in many]
        made = _Blocks(
            outer.function,
            loops,
            row,
            column,
            rows,
            vectors,
            overlap=parameters.get("tail", "overlap") == "overlap" and idempotent(loops[-1].body),
            pack=parameters.get("pack", "none") == "panel",
            taken=all_names(outer.function),
            groups=groups,
        )
        return Plan(outer.label, made.nest(0, 1, 1, loops[-1].body), {"f32x16", *made.used})


@dataclass
class _Blocks:
    """Builds the nest of one register block, from the outermost loop inwards."""

    function: Function
    loops: list[Loop]
    row: str
    column: str
    rows: int
    vectors: int
    overlap: bool
    pack: bool
    taken: set[str]
    groups: list[list[str]]
    used: set[str] = field(default_factory=set)

    def nest(self, depth: int, height: int, width: int, body: Statements) -> Statements:
        """The loops from ``depth`` on, around a block of ``height`` × ``width``."""
        if depth == len(self.loops):
            return self._block(height, width, body)
        loop = self.loops[depth]
        if loop.variable not in (self.row, self.column):
            return (replace(loop, body=self.nest(depth + 1, height, width, body)),)
        is_row = loop.variable == self.row
        size = self.rows if is_row else self.vectors * LANES

        def inside(size: int) -> Statements:
            if is_row:
                return self.nest(depth + 1, size, width, body)
            if not self.pack or size == 1:
                return self.nest(depth + 1, height, size, body)
            fills, packed = self._panels(depth, size, body)
            return (*fills, *self.nest(depth + 1, height, size, packed))

        def left(begin: Expression) -> Statements:
            return in_pieces(loop, self._rest(loop, begin, size), inside)

        if depth == 0:
            return one_loop(loop, size, inside(size), left)
        main = steps(loop.lower, loop, [size])
        return (*in_pieces(loop, main, inside), *left(main[-1].upper if main else loop.lower))

    def _rest(self, loop: Loop, begin: Expression, size: int) -> list[Piece]:
        if size == 1:
            return []
        if loop.variable == self.column and self.overlap:
            return pieces(begin, loop, size, LANES)
        return steps(begin, loop, [LANES, 1] if loop.variable == self.column and size > LANES else [1])

    def _panels(self, depth: int, size: int, body: Statements) -> tuple[Statements, Statements]:
        fixed = {loop.variable for loop in self.loops[depth + 1 :]}
        if self.row and self.row not in fixed:
            raise NotApplicable(f"the loop over {self.row} stands outside: no panel would be used again")
        fills, packed = panels(body, self.column, fixed, size, self.function, self.taken)
        if not fills:
            raise NotApplicable(f"no operand depends on {self.column} alone")
        arrays = tuple(one for one in fills if isinstance(one, Declare) and one.extents)
        self.function = replace(self.function, body=(*arrays, *self.function.body))
        return fills, packed

    def _block(self, height: int, width: int, body: Statements) -> Statements:
        if width < LANES:
            return jam(body, self.row, height)
        return tuple(one for group in self.groups for one in self._lanes(height, width, self._part(body, group)))

    def _part(self, body: Statements, group: list[str]) -> Statements:
        """What concerns these accumulators: more than the registers hold are taken one group after another."""
        others = {name for names in self.groups for name in names} - set(group)
        made: list[Statement] = []
        for statement in body:
            if not mentions(statement, others):
                made.append(statement)
            elif isinstance(statement, Loop):
                made.append(replace(statement, body=self._part(statement.body, group)))
            elif mentions(statement, set(group)):
                raise NotApplicable("the accumulators are needed together, and do not fit the registers")
        return tuple(made)

    def _lanes(self, height: int, width: int, body: Statements) -> Statements:
        copies = jam(body, self.row, height)
        lanes = Lanes(self.function, self.column, width // LANES, self.taken)
        made = lanes.rewrite(copies)
        self.used |= lanes.used
        return made


_PACKS = (("none", "keep"), ("panel", "columns"))
_PROBE: Mapping[str, Scalar] = {"rows": 1, "vectors": 1, "tail": "scalar"}


def _candidates(unit: Unit) -> Iterator[tuple[Place, Loop | None]]:
    """Every loop with a loop inside as column, alone and with each loop above or below it as row."""
    places = [p for p in all_loops(unit) if any(isinstance(s, Loop) for s in p.loop.body)]
    for second in reversed(places):
        for depth, loop in reversed(tuple(enumerate(second.path))):
            yield second, loop
            yield Place(second.function, loop, second.path[:depth]), second.loop
        yield second, None


def _innermost(column: Place, row: Loop) -> Loop:
    return column.loop if any(one is column.loop for one in walk(row.body)) else row


def _sums_scalars(loop: Loop) -> bool:
    """Whether an iteration has scalar accumulators; in blocks already, it has vectors."""
    sums = accumulators(loop.body)
    return any(isinstance(s, Declare) and s.name in sums and "x16" not in s.type for s in loop.body)


def _shares(column: Place, row: Loop) -> bool:
    """Whether something that depends on the column loop is the same for every row."""
    innermost = _innermost(column, row)
    outer = row if innermost is column.loop else column.loop
    variables = {column.loop.variable, row.variable}
    inner = {one.variable for one in walk(innermost.body) if isinstance(one, Loop)}
    return any(
        names_in(access) & variables == {column.loop.variable} and names_in(access) & inner
        for _, access in reads(inlined(outer.body, column.function), column.function)
    )


def _nest(unit: Unit, name: str, row: str, column: str) -> tuple[Place, list[Loop]]:
    """The outermost of the two loops and the loops from it to the other, each cut free of its body's locals."""
    first, second = place(unit, f"{name}:{row}"), place(unit, f"{name}:{column}")
    outer, inner = (first, second) if first.loop in second.path else (second, first)
    if outer.loop not in inner.path and row != column:
        raise NotApplicable(f"the loops over {row} and {column} are not inside one another")
    plain_step(outer.loop)
    plain_step(inner.loop)
    loop = replace(outer.loop, body=inlined(outer.loop.body, outer.function))
    loops = chain(loop, inner.loop.variable)
    variables = {one.variable for one in loops}
    for one in loops:
        if (names_in(one.lower) | names_in(one.upper)) & variables:
            raise NotApplicable(f"the range of {one.variable} changes inside the nest")
    return outer, loops


def _reorder(loops: list[Loop], row: str, column: str, outer: str) -> None:
    """Brings the row or column loop to stand first, the others keeping their order."""
    wanted = {"rows": row, "columns": column}.get(outer, loops[0].variable)
    at = next(index for index, loop in enumerate(loops) if loop.variable == wanted)
    body = loops[-1].body
    loops.insert(0, loops.pop(at))
    loops[-1] = replace(loops[-1], body=body)


MOVES: tuple[Move, ...] = (RegisterBlock(), *dots.MOVES)
