"""CUDA and HIP: a product that several blocks share (split-K). Parts in the workspace, added up by the last one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cuda.blocks import within
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.triton.split import BUSY, SPLITS
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.syntax import launch as launch_line
from warploom.syntax import tune
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.cuda_text import CudaText, as_c
from warploom.syntax.span import Edit, edited
from warploom.values.candidate import Scalar
from warploom.values.shape import LONGEST
from warploom.values.signature import WORKSPACE

_LOOP = re.compile(
    r"^[ \t]*for \((?P<type>[\w:]+) (?P<variable>\w+) = (?P<start>0); (?P=variable) < (?P<stop>[^;]+); "
    r"(?P<next>(?P=variable) \+= (?P<step>[^(){}]+)|\+\+(?P=variable))\) \{",
    re.MULTILINE,
)
_STORE = re.compile(
    r"if \((?P<row>\w+) < (?P<rows>\w+) && (?P<col>\w+) < (?P<cols>\w+)\) "
    r"(?P<out>\w+)\[(?P=row) \* (?P=cols) \+ (?P=col)\] = "
    r"(?:(?P<narrow>__float2half|__float2bfloat16|float)\()?(?P<value>\w+(?:\[[^\[\];]*\])*)(?(narrow)\));"
)
_GIVEN = re.compile(r"(?:[;{})]|\n)\s*(?P<name>\w+)(?:\[[^\];]*\])*\s*=(?!=)")
_NEVER = re.compile(r"\b(?:return|break|goto|atomic\w+|f?m(?:ax|in)f?|exp2?f|__expf)\b")

_NAME = re.compile(r"[A-Za-z_]\w*")

HELPER = """// The sum of some parts, so far from each other, in their order.
__device__ __forceinline__ float sum_of_parts(const float* first, int64_t parts, int64_t apart) {
    float sum = 0.0f;
    for (int64_t part = 0; part < parts; ++part) sum += first[part * apart];
    return sum;
}
"""


@dataclass(frozen=True)
class SplitK:
    """A product's loop over its depth, shared by several blocks where there would be few of them.

    Each leaves its part in the workspace and counts itself; the last to arrive adds the parts up, in their order, and
    writes the output, so that the result does not depend on who that was. Site: the loop's variable.

    Source: CUDA's sample threadFenceReduction.
    """

    name: str = "split_k"
    phase: Phase = Phase.BLOCKING

    def sites(self, unit: Unit) -> Sequence[Site]:
        """The one loop of a kernel that only adds, before one ``if (r < rows && c < cols) out[r * cols + c] = …;``."""
        found = _shared(CudaText(text_of(unit)))
        return [Site(found.loop["variable"], {"split": SPLITS})] if found is not None else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Blocks of a further place of the grid take the loop's turns by turns."""
        source = CudaText(text_of(unit))
        found = _shared(source)
        if found is None or found.loop["variable"] != label:
            raise NotApplicable(f"{label} is no loop that only adds, or the grid has no place left")
        return unit_of(edited(source.text, _edits(source, found, int(parameters.get("split", SPLITS[0])))))


@dataclass(frozen=True)
class _Shared:
    """The loop, where it ends, and what is stored behind it."""

    loop: re.Match[str]
    end: int
    store: re.Match[str]


def _shared(source: CudaText) -> _Shared | None:
    grid, (begin, end) = source.launched.get("grid", []), source.body
    if not 0 < len(grid) < 3 or WORKSPACE in source.text or _NEVER.search(source.veiled[begin:end]):
        return None
    given = {_named(word) for word in source.parameters}
    named = {node.id for word in grid for node in ast.walk(ast.parse(word)) if isinstance(node, ast.Name)}
    if not named <= given | {line.name for line in tune.declared(source.text)}:
        return None
    for loop in _LOOP.finditer(source.veiled, begin, end):
        before = source.veiled[begin : loop.start()]
        if source.repeated(loop.start()) or before.count("{") != before.count("}"):
            continue
        close = source.closing(loop.end()) + 1
        stores = list(_STORE.finditer(source.veiled, close, end))
        if len(stores) == 1 and _adds(source, loop, close, stores[0], given):
            found = _Shared(loop, close, stores[0])
            return found if len(_bytes(source, found)) <= LONGEST else None
    return None


def _adds(source: CudaText, loop: re.Match[str], close: int, store: re.Match[str], given: set[str]) -> bool:
    """Whether a loop does nothing else, and nothing but the output comes of what stands behind it."""
    begin, end = source.body
    outer = {*_NAME.findall(source.veiled[begin : loop.start()]), *source.pointers}
    if any(found["name"] in outer for found in _GIVEN.finditer(source.veiled, loop.end(), close)):
        return False
    read = {_named(word) for word in source.parameters if "*" in word} - {*source.pointers}
    if read & {*_NAME.findall(source.veiled[close:end])}:
        return False  # another pass over the inputs
    words = _NAME.findall(source.veiled[begin:end])
    once = [word for word in words if word in source.pointers] == [store["out"]]
    return once and {store["rows"], store["cols"]} <= given


def _named(parameter: str) -> str:
    return re.split(r"\W+", parameter)[-1]


def _tiles(source: CudaText) -> str:
    words = [word if word.isidentifier() or word.isdigit() else f"({word})" for word in source.launched["grid"]]
    return words[0] if len(words) == 1 else f"({' * '.join(words)})"


def _bytes(source: CudaText, found: _Shared, split: str = "SPLIT", busy: str = "BUSY") -> str:
    """Of the workspace: an output of floats for each part where blocks share, and a counter for each tile."""
    tiles, whole = _tiles(source), f"{found.store['rows']} * {found.store['cols']}"
    return f"4 * ({tiles} + {split} * {whole} * (1 // (1 + {tiles} // {busy})))"


def _edits(source: CudaText, found: _Shared, most: int) -> Iterator[Edit]:
    assert source.launch is not None
    assert source.entry is not None
    loop = found.loop
    wanted = ("SPLIT", "BUSY", "part", "parts", "tile", "tiles", "own_part", "whole", "arrived", "last")
    name = {word: source.fresh(word) for word in wanted}
    split, busy = name["SPLIT"], name["BUSY"]
    lines = (f"TUNE({split}, {most}, 1, 2, 4, 8, 16)", f"TUNE({busy}, {BUSY}, {BUSY // 2}, {BUSY}, {2 * BUSY})")
    grid, tiles = source.launched["grid"], _tiles(source)
    shares = f"1 + ({split} - 1) * (1 // (1 + {tiles} // {busy}))"
    words = {**source.launched, "grid": [*grid, shares], WORKSPACE: [_bytes(source, found, split, busy)]}
    yield Edit(*source.launch, "\n".join([*lines, launch_line.written(words), "", HELPER.rstrip("\n")]))
    last = source.entry.end("words")
    yield Edit(last, last, f", float* {WORKSPACE}")
    first = as_c(grid[0]) if grid[0].isidentifier() else f"({as_c(grid[0])})"
    across = f" + blockIdx.y * (int64_t){first}" if len(grid) == 2 else ""
    begin = source.body[0]
    head = (
        f"const int64_t {name['part']} = blockIdx.{'xyz'[len(grid)]}, {name['tile']} = blockIdx.x{across};",
        f"const int64_t {name['tiles']} = {as_c(tiles)};",
        f"const int64_t {name['parts']} = {name['tiles']} < {busy} ? {split} : 1;",
    )
    yield Edit(begin, begin, "".join(f"\n    {line}" for line in head))
    variable, step = loop["variable"], (loop["step"] or "1").strip()
    factor = "" if step == "1" else f" * {step if step.isalnum() or step.isidentifier() else f'({step})'}"
    yield Edit(*loop.span("start"), f"{name['part']}{factor}")
    yield Edit(*loop.span("next"), f"{variable} += {name['parts']}{factor}")
    yield Edit(found.end, source.body[1], _exchange(source, found, name))


def _exchange(source: CudaText, found: _Shared, name: Mapping[str, str]) -> str:
    """What stood behind the loop, once for a block's part and once, in the last to arrive, for the whole."""
    store, text = found.store, source.text[found.end : source.body[1]].rstrip()
    begin, end = store.start("out") - found.end, store.end() - found.end
    place, value = f"{store['row']} * {store['cols']} + {store['col']}", store["value"]
    parts, whole, last = name["parts"], name["whole"], name["last"]
    kept = f"{text[:begin]}{name['own_part']}[{place}] = {value};{text[end:]}"
    value = f"{parts} > 1 ? sum_of_parts({WORKSPACE} + {place}, {parts}, {whole}) : {value}"
    value = f"{store['narrow']}({value})" if store["narrow"] else value
    written = f"{text[:begin]}{store['out']}[{place}] = {value};{text[end:]}"
    counter = f"reinterpret_cast<unsigned*>({WORKSPACE} + {parts} * {whole}) + {name['tile']}"
    return f"""
    const int64_t {whole} = {store["rows"]} * {store["cols"]};
    bool {last} = true;
    if ({parts} > 1) {{
        float* {name["own_part"]} = {WORKSPACE} + {name["part"]} * {whole};{within(kept)}
        __shared__ unsigned {name["arrived"]};
        __threadfence();
        __syncthreads();
        if (threadIdx.x + threadIdx.y + threadIdx.z == 0) {name["arrived"]} = atomicAdd({counter}, 1u);
        __syncthreads();
        __threadfence();
        {last} = {name["arrived"]} == {parts} - 1;
    }}
    if ({last}) {{{within(written)}
    }}
"""


MOVES: tuple[Move, ...] = (SplitK(),)
