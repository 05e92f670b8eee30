"""Triton: a sum that several programs share (split-K). Parts in the workspace, added up by the last one to arrive."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.triton.loops import Walk, walks
from warploom.propose.moves.verbatim import triton_at, triton_of, unit_of
from warploom.syntax import launch as launch_line
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.span import Edit, edited
from warploom.syntax.triton_text import TritonText, assigned, calls, indented
from warploom.values.candidate import Scalar
from warploom.values.shape import LONGEST
from warploom.values.signature import WORKSPACE

SPLITS = (4, 2, 8, 16)
BUSY = 132
"""So many programs, one for each multiprocessor of a Hopper GPU, need no help."""

_LOOPS = (ast.For, ast.While)


@dataclass(frozen=True)
class SplitK:
    """A loop that does nothing but add, shared by several programs where there would be few of them.

    Each leaves its part in the workspace and counts itself; the last to arrive adds the parts up, in their order, and
    goes on alone, so that the result does not depend on who that was. Site: ``function:variable:number`` of the loop.

    Source: the last block of CUDA's sample threadFenceReduction, which no other one waits for.
    """

    name: str = "split_k"
    phase: Phase = Phase.BLOCKING

    def sites(self, unit: Unit) -> Sequence[Site]:
        """The one loop of a kernel, if it makes sums that begin as float32 zeros and the grid has a place left."""
        source = triton_of(unit)
        found = _shared(source) if source is not None else None
        return [Site(found.walk.label, {"split": SPLITS})] if found is not None else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Programs of a further place of the grid take the loop's turns by turns."""
        source = triton_at(unit)
        found = _shared(source)
        if found is None or found.walk.label != label:
            raise NotApplicable(f"{label} is no loop that only adds, or the grid has no place left")
        return unit_of(edited(source.text, _edits(source, found, int(parameters.get("split", SPLITS[0])))))


@dataclass(frozen=True)
class _Sum:
    """A name that is added to: the extents of what is exchanged, and the sum over an axis that is exchanged for it."""

    name: str
    shape: tuple[str, ...]
    folded: str = ""

    @property
    def size(self) -> str:
        return " * ".join(self.shape)


@dataclass(frozen=True)
class _Shared:
    """The loop, what it adds up, and the statements behind it."""

    walk: Walk
    sums: tuple[_Sum, ...]
    rest: Sequence[ast.stmt]


def _shared(source: TritonText) -> _Shared | None:
    kernel = source.kernel
    if (
        kernel is None
        or source.launch is None
        or not 0 < len(source.grid) < 3
        or WORKSPACE in {*source.names, *source.launched}
    ):
        return None
    if any(isinstance(node, ast.Return) for node in ast.walk(kernel)) or not _knows_grid(source, kernel):
        return None
    body = source.statements(kernel)
    for walk in walks(source):
        place = next((place for place, statement in enumerate(body) if statement is walk.loop), len(body))
        before, rest = body[:place], body[place + 1 :]
        if not rest or any(isinstance(node, _LOOPS) for one in (*before, *rest) for node in ast.walk(one)):
            continue  # what stands around the loop would be done several times, or by one alone
        sums = _sums(source, walk, before, rest)
        if sums and len(_bytes(source, sums)) <= LONGEST:
            return _Shared(walk, sums, rest)
    return None


def _knows_grid(source: TritonText, kernel: ast.FunctionDef) -> bool:
    named = {node.id for word in source.grid for node in ast.walk(ast.parse(word)) if isinstance(node, ast.Name)}
    return named <= {argument.arg for argument in kernel.args.args} - assigned(kernel)


def _sums(
    source: TritonText, walk: Walk, before: Sequence[ast.stmt], rest: Sequence[ast.stmt]
) -> tuple[_Sum, ...] | None:
    """What the loop adds up; None where it does anything else that is seen outside of a turn."""
    early = [call for one in (*before, walk.loop) for call in calls(one)]
    if any(ast.unparse(call.func).startswith(("tl.store", "tl.atomic")) for call in early):
        return None
    carried = assigned(walk.loop) & (_read(rest) | {name for one in before for name in assigned(one)})
    found = [_sum(source, name, walk.loop, before, rest) for name in sorted(carried)]
    kept = tuple(one for one in found if one is not None)
    return kept if len(kept) == len(found) else None


def _sum(
    source: TritonText, name: str, loop: ast.For, before: Sequence[ast.stmt], rest: Sequence[ast.stmt]
) -> _Sum | None:
    zeros = [one for one in before if name in assigned(one)]
    shape = _zeros(source, zeros[0]) if len(zeros) == 1 else ()
    if not shape or not _only_added(name, loop):
        return None
    seen = sum(isinstance(node, ast.Name) and node.id == name for one in rest for node in ast.walk(one))
    folds = _folds(name, rest)
    if len(shape) > 1 and len(folds) == seen and len({ast.unparse(call) for call in folds}) == 1:
        axis = int(ast.unparse(folds[0].args[1]))
        return _Sum(name, shape[:axis] + shape[axis + 1 :], ast.unparse(folds[0]))
    return _Sum(name, shape)


def _folds(name: str, statements: Sequence[ast.stmt]) -> list[ast.Call]:
    """Every ``tl.sum(name, 1)``."""
    pattern = re.compile(rf"tl\.sum\({re.escape(name)}, \d\)")
    return [call for one in statements for call in calls(one) if pattern.fullmatch(ast.unparse(call))]


def _zeros(source: TritonText, statement: ast.stmt) -> tuple[str, ...]:
    """The extents of ``name = tl.zeros((ROWS, 32), dtype=tl.float32)``, each a number or a TUNE name; else none."""
    match statement:
        case ast.Assign(
            targets=[ast.Name()],
            value=ast.Call(func=made, args=[ast.Tuple(elts=parts)], keywords=[ast.keyword(arg="dtype", value=dtype)]),
        ) if ast.unparse(made) == "tl.zeros" and ast.unparse(dtype) == "tl.float32":
            words = tuple(ast.unparse(part) for part in parts)
            return words if all(word.isdigit() or word in source.tuned for word in words) else ()
    return ()


def _only_added(name: str, loop: ast.For) -> bool:
    """Whether a loop only adds to a name: ``name += …``, ``name = tl.dot(…, …, name)``."""
    seen = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(loop))
    for node in ast.walk(loop):
        match node:
            case ast.AugAssign(target=ast.Name(id=own), op=ast.Add()) if own == name:
                seen -= 1
            case ast.Assign(targets=[ast.Name(id=own)], value=ast.Call(func=made, args=[_, _, ast.Name(id=added)])) if (
                own == added == name and ast.unparse(made) == "tl.dot"
            ):
                seen -= 2
            case _:
                pass
    return seen == 0


def _read(statements: Sequence[ast.stmt]) -> set[str]:
    return {
        node.id
        for one in statements
        for node in ast.walk(one)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _tiles(source: TritonText) -> str:
    """How many programs there are before the loop is shared."""
    words = [word if word.isidentifier() or word.isdigit() else f"({word})" for word in source.grid]
    return words[0] if len(words) == 1 else f"({' * '.join(words)})"


def _bytes(source: TritonText, sums: Sequence[_Sum], split: str = "SPLIT", busy: str = "BUSY") -> str:
    """Of the workspace: a part of each program where they share, and a counter for each tile."""
    tiles, size = _tiles(source), " + ".join(one.size for one in sums)
    size = size if len(sums) == 1 else f"({size})"
    return f"4 * {tiles} * (1 + {split} * {size} * (1 // (1 + {tiles} // {busy})))"


def _edits(source: TritonText, found: _Shared, most: int) -> Iterator[Edit]:
    kernel, loop = source.kernel, found.walk.loop
    assert kernel is not None
    assert source.launch is not None
    assert isinstance(loop.iter, ast.Call)
    name = {word: source.fresh(word) for word in ("SPLIT", "BUSY", "part", "parts", "tile", "tiles", "arrived")}
    split, busy, margin = name["SPLIT"], name["BUSY"], " " * loop.col_offset
    lines = (f"TUNE({split}, {most}, 1, 2, 4, 8, 16)", f"TUNE({busy}, {BUSY}, {BUSY // 2}, {BUSY}, {2 * BUSY})")
    shares = f"1 + ({split} - 1) * (1 // (1 + {_tiles(source)} // {busy}))"
    words = {**source.launched, "grid": [*source.grid, shares], WORKSPACE: [_bytes(source, found.sums, split, busy)]}
    yield Edit(*source.launch, "\n".join([*lines, launch_line.written(words)]))
    yield from _arguments(source, kernel, f"{split}: tl.constexpr, {busy}: tl.constexpr")
    places = [f"tl.program_id({place})" for place in range(len(source.grid) + 1)]
    own = places[0] if len(source.grid) == 1 else f"{places[0]} + {places[1]} * {_first(source)}"
    head = (
        f"{name['part']} = {places[-1]}",
        f"{name['tile']} = {own}",
        f"{name['tiles']} = {source.grid[0] if len(source.grid) == 1 else _tiles(source)[1:-1]}",
        f"{name['parts']} = tl.where({name['tiles']} < {busy}, {split}, 1)",
    )
    begin = source.body(kernel)[0]
    yield Edit(begin, begin, "".join(f"{margin}{line}\n" for line in head))
    step = found.walk.step if found.walk.step.isidentifier() else f"({found.walk.step})"
    yield source.replace(loop.iter.args[0], f"{name['part']} * {step}")
    yield source.replace(loop.iter.args[2], f"{name['parts']} * {step}")
    begin, end = source.lines(found.rest[0], found.rest[-1])
    held = [source.fresh(f"{one.name}_sum") if one.folded else one.name for one in found.sums]
    folds = [
        source.replace(call, own)
        for one, own in zip(found.sums, held, strict=True)
        for call in (_folds(one.name, found.rest) if one.folded else ())
    ]
    rest = edited(source.text[begin:end], [Edit(one.begin - begin, one.end - begin, one.text) for one in folds])
    text = "".join(f"{margin}{line}\n" for line in _exchange(source, found.sums, held, name))
    yield Edit(begin, end, f"{text}{indented(rest)}")


def _first(source: TritonText) -> str:
    word = source.grid[0]
    return word if word.isidentifier() else f"({word})"


def _arguments(source: TritonText, kernel: ast.FunctionDef, constants: str) -> Iterator[Edit]:
    """The workspace behind the axes, further constants behind the last argument."""
    arguments = kernel.args.args
    last = source.span(arguments[-1])[1]
    plain = [argument for argument in arguments if argument.annotation is None]
    behind = source.span(plain[-1])[1]
    if behind == last:
        yield Edit(last, last, f", {WORKSPACE}, {constants}")
    else:
        yield Edit(behind, behind, f", {WORKSPACE}")
        yield Edit(last, last, f", {constants}")


def _exchange(source: TritonText, sums: Sequence[_Sum], held: Sequence[str], name: Mapping[str, str]) -> Iterator[str]:
    """From one program's sums to those of all of them, which only the last to arrive has."""
    part, parts, arrived, slot = name["part"], name["parts"], name["arrived"], source.fresh("slot")
    other, counter = source.fresh("other"), source.fresh("counter")
    size = " + ".join(one.size for one in sums)
    size = size if size.isidentifier() else f"({size})"
    cells = [source.fresh(f"{one.name}_cell") for one in sums]
    for place, (one, cell) in enumerate(zip(sums, cells, strict=True)):
        yield f"{cell} = {' + '.join([*(earlier.size for earlier in sums[:place]), _cell(one.shape)])}"
    yield from (f"{own} = {one.folded}" for one, own in zip(sums, held, strict=True) if one.folded)
    yield f"{slot} = {WORKSPACE} + {name['tile']} * {parts} * {size}"
    yield f"{arrived} = {parts} - 1"
    yield f"if {parts} > 1:"
    for cell, own in zip(cells, held, strict=True):
        yield f"    tl.store({slot} + {part} * {size} + {cell}, {own})"
    yield "    tl.debug_barrier()  # every thread's part is there before it is counted"
    yield f"    {counter} = {WORKSPACE} + {name['tiles']} * {parts} * {size} + {name['tile']}"
    yield f"    {arrived} = tl.atomic_add({counter}.to(tl.pointer_type(tl.int32)), 1)"
    yield f"if {arrived} == {parts} - 1:"
    yield f"    if {parts} > 1:"
    for one, own in zip(sums, held, strict=True):
        shape = f"({one.shape[0]},)" if len(one.shape) == 1 else f"({', '.join(one.shape)})"
        yield f"        {own} = tl.zeros({shape}, dtype=tl.float32)"
    yield f"        for {other} in range(0, {parts}):"
    for cell, own in zip(cells, held, strict=True):
        yield f"            {own} += tl.load({slot} + {other} * {size} + {cell})"


def _cell(shape: Sequence[str]) -> str:
    """The place of each element of a block of this shape, row by row."""
    words = []
    for axis, extent in enumerate(shape):
        lifted = "".join(f"[{', '.join(':' if place == axis else 'None' for place in range(len(shape)))}]")
        stride = " * ".join(shape[axis + 1 :])
        stride = f" * ({stride})" if len(shape) - axis > 2 else f" * {stride}" if stride else ""
        words.append(f"tl.arange(0, {extent}){lifted if len(shape) > 1 else ''}{stride}")
    return " + ".join(words)


MOVES: tuple[Move, ...] = (SplitK(),)
