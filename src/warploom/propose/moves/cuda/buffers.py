"""CUDA and HIP: two buffers in shared memory in turn, so that the next slice is fetched while this one is used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.cuda_text import CudaText
from warploom.syntax.span import Edit, edited
from warploom.values.candidate import Scalar

_LOOP = re.compile(
    r"^(?P<indent>[ \t]*)for \((?P<type>[\w:]+) (?P<variable>\w+) = (?P<start>[^;]+); "
    r"(?P=variable) < (?P<stop>[^;]+); (?P=variable) \+= (?P<step>[^){]+)\) \{\n"
    r"(?P<fetches>(?:(?P=indent)    \w+\([^;{}]*\);[ \t]*\n)+?)"
    r"(?P=indent)    (?P<barrier>(?:copies_arrive\(\); )?__syncthreads\(\);)\n"
    r"(?P<use>.*?)"
    r"(?P=indent)    (?:copies_arrive\(\); )?__syncthreads\(\);\n"
    r"(?P=indent)\}",
    re.MULTILINE | re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class _Buffer:
    """An array in shared memory: where its declaration stands, its name and type, and how many elements it has."""

    span: tuple[int, int]
    how: str
    type: str
    name: str
    size: str


@dataclass(frozen=True)
class DoubleBuffer:
    """Slices of a loop in two buffers in turn; one barrier a turn instead of two. Site: the loop's variable.

    Pays where copies are asynchronous: the next is under way while this one is used.
    """

    name: str = "double_buffer"
    phase: Phase = Phase.JAM

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that fetch by calls into arrays of shared memory, wait, use what was fetched, and wait."""
        return [Site(found["variable"]) for found, _ in _fetching(CudaText(text_of(unit)))]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The first slice is fetched before the loop, the next at the beginning of each turn."""
        source = CudaText(text_of(unit))
        for found, buffers in _fetching(source):
            if found["variable"] == label:
                pairs = {one.name: source.fresh(f"{one.name}_pair") for one in buffers}
                edits = [
                    Edit(*one.span, f"__shared__ {one.how}{one.type} {pairs[one.name]}[2 * ({one.size})];")
                    for one in buffers
                ]
                text = _in_turn(source, found, buffers, pairs)
                return unit_of(edited(source.text, [*edits, Edit(*found.span(), text)]))
        raise NotApplicable(f"no loop over {label} fetches slices into shared memory")


def _in_turn(source: CudaText, found: re.Match[str], buffers: Sequence[_Buffer], pairs: Mapping[str, str]) -> str:
    """The loop with a buffer for even and one for odd turns."""
    turn, following = source.fresh("turn"), source.fresh(f"{found['variable']}_next")
    later = {found["variable"]: following} | {one.name: source.fresh(f"{one.name}_next") for one in buffers}
    begin, end = found.span("use")
    use, (first, last) = source.text[begin:end], found.span("fetches")
    fetches = source.text[first:last]
    ahead = _WORD.sub(lambda word: later.get(word[0], word[0]), fetches)
    counted = f"{found['type']} {found['variable']}"
    step = found["step"] if found["step"].isidentifier() else f"({found['step']})"

    def pointers(names: Mapping[str, str], which: str) -> list[str]:
        return [f"    {one.type}* {names[one.name]} = {pairs[one.name]}{which.format(one.size)};" for one in buffers]

    own, start = {one.name: one.name for one in buffers}, found["start"]
    gone = found["variable"] if start == "0" else f"({found['variable']} - {start})"
    lines = [
        "{",
        f"    const {counted} = {start};",
        *pointers(own, ""),
        *_lines(fetches, found["indent"]),
        "}",
        f"for ({counted} = {start}; {found['variable']} < {found['stop']}; {found['variable']} += {found['step']}) {{",
        f"    const int {turn} = {gone} / {step} % 2;",
        *pointers(own, f" + {turn} * ({{}})"),
        *pointers(later, f" + (1 - {turn}) * ({{}})"),
        f"    const {found['type']} {following} = {found['variable']} + {step};",
        f"    {found['barrier']}",
        f"    if ({following} < {found['stop']}) {{",
        *(f"    {line}" for line in _lines(ahead, found["indent"])),
        "    }",
    ]
    head = "".join(f"{found['indent']}{line}\n" for line in lines)
    return f"{head}{use}{found['indent']}}}"


def _lines(text: str, indent: str) -> list[str]:
    return [line.removeprefix(indent) for line in text.rstrip("\n").split("\n")]


def _fetching(source: CudaText) -> Iterator[tuple[re.Match[str], list[_Buffer]]]:
    begin, end = source.body
    for found in _LOOP.finditer(source.veiled, begin, end):
        calls = found["fetches"].strip().split("\n")
        buffers = [one for one in _buffers(source) if re.search(rf"\b{one.name}\b", found["fetches"])]
        both = all(any(re.search(rf"\b{one.name}\b", call) for one in buffers) for call in calls)
        if both and "__sync" not in found["fetches"] and not source.repeated(found.start()):
            yield found, buffers


def _buffers(source: CudaText) -> Iterator[_Buffer]:
    """Arrays of one length that the kernel declares in shared memory, each on its own."""
    pattern = r"__shared__ (?P<how>__align__\(\w+\) )?(?P<type>[\w:]+) (?P<name>\w+)\[(?P<size>[^\[\];]+)\];"
    for found in re.finditer(pattern, source.veiled):
        if source.body[0] <= found.start() < source.body[1]:
            yield _Buffer(found.span(), found["how"] or "", found["type"], found["name"], found["size"])


MOVES: tuple[Move, ...] = (DoubleBuffer(),)
