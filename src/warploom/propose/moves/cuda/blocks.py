"""CUDA and HIP: which block does what."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.syntax import launch as launch_line
from warploom.syntax import tune
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.cuda_text import CudaText, as_c
from warploom.syntax.span import Edit, edited
from warploom.syntax.triton_text import indented
from warploom.values.candidate import Scalar

GROUPS = (8, 4, 16, 2)
BLOCKS = (264, 132, 528, 1056)
"""Multiples of the 132 multiprocessors of a Hopper GPU."""

_PLACE = re.compile(r"\bblockIdx\.([xyz])\b")
_RETURN = re.compile(r"\breturn\s*;")


@dataclass(frozen=True)
class GroupedBlocks:
    """Blocks of a grid of two in groups of rows, so that neighbours in time share what is cached. Site: the kernel."""

    name: str = "grouped_blocks"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels that use both places of a grid of two or three."""
        source = CudaText(text_of(unit))
        return [Site(source.name, {"group": GROUPS})] if _plane(source) else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Both places are reckoned from the order in which blocks are started."""
        source = CudaText(text_of(unit))
        if label != source.name or not _plane(source):
            raise NotApplicable("the grid has one place, or the kernel asks for one alone")
        order, first, tall = source.fresh("block_order"), source.fresh("first_row"), source.fresh("group_rows")
        own = {"x": source.fresh("block_x"), "y": source.fresh("block_y")}
        group = parameters.get("group", GROUPS[0])
        begin, end = source.body
        lines = (
            f"const unsigned {order} = blockIdx.y * gridDim.x + blockIdx.x;",
            f"const unsigned {first} = {order} / ({group} * gridDim.x) * {group};",
            f"const unsigned {tall} = gridDim.y - {first} < {group} ? gridDim.y - {first} : {group};",
            f"const unsigned {own['y']} = {first} + {order} % ({group} * gridDim.x) % {tall};",
            f"const unsigned {own['x']} = {order} % ({group} * gridDim.x) / {tall};",
        )
        body = _PLACE.sub(lambda found: own.get(found[1], found[0]), source.text[begin:end])
        head = "".join(f"\n    {line}" for line in lines)
        return unit_of(edited(source.text, [Edit(begin, end, head + body)]))


def _asked(source: CudaText) -> set[str]:
    """Which places of the grid the kernel asks for; none where other functions ask too, or its size is asked for."""
    begin, end = source.body
    rest = source.text[:begin] + source.text[end:]
    return set() if "blockIdx" in rest or "gridDim" in source.text else set(_PLACE.findall(source.text[begin:end]))


def _plane(source: CudaText) -> bool:
    return {"x", "y"} <= _asked(source) and len(source.launched.get("grid", ())) >= 2


@dataclass(frozen=True)
class PersistentBlocks:
    """A fixed number of blocks, each of which takes the work of one after another. Site: the kernel."""

    name: str = "persistent_blocks"
    phase: Phase = Phase.THREADS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels whose grid can be reckoned from what they are given, and that return from no inner loop."""
        source = CudaText(text_of(unit))
        return [Site(source.name, {"blocks": BLOCKS})] if _counted(source) else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The body in a loop over what was the grid; a turn begins when the last has read what it shared."""
        source = CudaText(text_of(unit))
        if label != source.name or not _counted(source):
            raise NotApplicable("the kernel does not know its grid, or returns from an inner loop")
        assert source.launch is not None
        turn, count = source.fresh("turn"), source.fresh("turns")
        begin, end = source.body
        extents = [f"({as_c(word)})" if " " in word else as_c(word) for word in source.launched["grid"]]
        values = {"x": turn if len(extents) == 1 else f"{turn} % {extents[0]}"}
        if len(extents) > 1:
            values["y"] = f"{turn} / {extents[0]}" + (f" % {extents[1]}" if len(extents) > 2 else "")
            values["z"] = f"{turn} / ({' * '.join(extents[:2])})"
        own = {place: source.fresh(f"block_{place}") for place in sorted(_asked(source))}
        lines = ["__syncthreads();"] if re.search(r"__shared__|__syncthreads", source.veiled) else []
        lines += [f"const unsigned {name} = {values[place]};" for place, name in own.items()]
        body = _PLACE.sub(lambda found: own[found[1]], source.text[begin:end].strip("\n"))
        body = _RETURN.sub("continue;", body)
        head = f"\n    const int64_t {count} = {' * '.join(f'(int64_t){word}' for word in extents)};"
        head += f"\n    for (int64_t {turn} = blockIdx.x; {turn} < {count}; {turn} += gridDim.x) {{\n"
        head += "".join(f"        {line}\n" for line in lines)
        words = {**source.launched, "grid": [str(parameters.get("blocks", BLOCKS[0]))]}
        edits = [
            Edit(*source.launch, launch_line.written(words)),
            Edit(begin, end, f"{head}{within(body)}\n    }}\n"),
        ]
        return unit_of(edited(source.text, edits))


def within(body: str) -> str:
    """The lines of a body in a further pair of brackets; pragmas stay where they were."""
    deeper = indented(body.rstrip())
    return re.sub(r"^    (?=#)", "", deeper, flags=re.MULTILINE)


def _counted(source: CudaText) -> bool:
    """Whether the body can stand in a loop over the grid, whose extents it can reckon."""
    grid, asked = source.launched.get("grid", ()), _asked(source)
    begin, end = source.body
    if not grid or not asked or not asked <= set("xyz"[: len(grid)]):
        return False
    named = {node.id for word in grid for node in ast.walk(ast.parse(word)) if isinstance(node, ast.Name)}
    given = {re.split(r"\W+", word)[-1] for word in source.parameters} | {
        line.name for line in tune.declared(source.text)
    }
    ends = [begin + found.start() for found in re.finditer(r"\breturn\b", source.veiled[begin:end])]
    return named <= given and not any(source.repeated(place) for place in ends)


MOVES: tuple[Move, ...] = (GroupedBlocks(), PersistentBlocks())
