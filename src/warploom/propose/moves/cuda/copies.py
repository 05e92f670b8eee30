"""CUDA: how numbers get from global memory into shared memory."""

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

_ADDRESS = r"(?:[^();]|\([^()]*\))*"
_COPY = re.compile(
    rf"\*reinterpret_cast<(?P<type>u?int4|float4)\*>\((?P<to>{_ADDRESS})\) = "
    rf"\*reinterpret_cast<const (?P=type)\*>\((?P<source>{_ADDRESS})\);"
)
_GUARDED = re.compile(
    r"(?P<type>u?int4|float4) (?P<name>\w+) = (?P<zero>make_(?P=type)\([^()]*\));\s+"
    rf"if \((?P<when>{_ADDRESS})\) (?P=name) = \*reinterpret_cast<const (?P=type)\*>\((?P<source>{_ADDRESS})\);\s+"
    rf"\*reinterpret_cast<(?P=type)\*>\((?P<to>{_ADDRESS})\) = (?P=name);"
)
_DONE = re.compile(r"\bcopy_async\(")
_BARRIER = re.compile(r"(?<!copies_arrive\(\); )(?=__sync(?:threads|warp)\(\);)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_DEEPEST = 6

HELPERS = """// 16 bytes into shared memory, past the registers: there after copies_arrive() and the next barrier.
__device__ __forceinline__ void copy_async(void* to, const void* from) {
    const unsigned place = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(place), "l"(from) : "memory");
}

__device__ __forceinline__ void copies_arrive() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}
"""


@dataclass(frozen=True)
class AsyncCopy:
    """Copies of 16 bytes into shared memory that do not wait for each other. Site: ``function:number``.

    Each thread waits for its own copies before the next barrier. From sm_80 on.
    """

    name: str = "async_copy"
    phase: Phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """``*reinterpret_cast<uint4*>(…) = *reinterpret_cast<const uint4*>(…);`` where the first is shared memory.

        Or the same by way of a variable that is zero unless a condition holds.
        """
        return [Site(label) for label, _ in _copies(CudaText(text_of(unit)))]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The copy by ``cp.async``; every barrier waits for it."""
        source = CudaText(text_of(unit))
        for own, found in _copies(source):
            if own == label:
                text = edited(source.text, [Edit(*found.span(), _call(found))])
                if "copies_arrive" not in text:
                    text = _with_helpers(text)
                return unit_of(_waiting(text))
        raise NotApplicable(f"there is no copy {label} into shared memory")


def _with_helpers(text: str) -> str:
    launch = CudaText(text).launch
    at = text.find("\n", launch[1]) + 1 if launch else 0
    return f"{text[:at]}\n{HELPERS}{text[at:]}" if at else f"{HELPERS}\n{text}"


def _waiting(text: str) -> str:
    places = [found.start() for found in _BARRIER.finditer(CudaText(text).veiled)]
    return edited(text, [Edit(place, place, "copies_arrive(); ") for place in places])


def _copies(source: CudaText) -> Iterator[tuple[str, re.Match[str]]]:
    if source.entry is None or "__syncthreads();" not in source.veiled:
        return
    found = (match for pattern in (_COPY, _GUARDED, _DONE) for match in pattern.finditer(source.veiled))
    count: dict[str, int] = {}
    for match in sorted(found, key=lambda one: one.start()):
        function = source.around(match.start())
        count[function] = count.get(function, 0) + 1
        if match.re is _DONE:
            continue  # counted, so that the others keep their names
        if function and _is_shared(source, match["to"], function):
            yield f"{function}:{count[function]}", match


def _call(found: re.Match[str]) -> str:
    call = f"copy_async({found['to']}, {found['source']});"
    if found.re is _COPY:
        return call
    return f"if ({found['when']}) {call} else *reinterpret_cast<{found['type']}*>({found['to']}) = {found['zero']};"


def _is_shared(source: CudaText, expression: str, function: str, deep: int = 0) -> bool:
    """Whether an address is surely one of shared memory: by its declaration, or by that of every argument."""
    found = _NAME.search(re.sub(r"^\(*reinterpret_cast<[^>]*>", "", expression.strip()))
    if found is None or deep > _DEEPEST:
        return False
    name = found[0]
    if function not in source.functions:
        return False
    (begin, end), _ = source.functions[function]
    text = source.veiled[begin:end]
    if re.search(rf"__shared__[^;]*\b{name}\s*\[", text):
        return True
    given = re.search(rf"\*\s*(?:const\s+)?{name} = ([^;]*);", text)
    if given:
        return _is_shared(source, given[1], function, deep + 1)
    names = [re.split(r"\W+", word)[-1] for word in source.words(function)]
    if name not in names or function == source.name:
        return False
    calls = list(re.finditer(rf"(?<!void )\b{function}\(((?:[^()]|\([^()]*\))*)\)", source.veiled))
    arguments = [re.split(r",(?![^()]*\))", call[1]) for call in calls]
    return bool(calls) and all(
        len(words) == len(names) and _is_shared(source, words[names.index(name)], source.around(call.start()), deep + 1)
        for call, words in zip(calls, arguments, strict=True)
    )


MOVES: tuple[Move, ...] = (AsyncCopy(),)
