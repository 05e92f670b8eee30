"""CUDA and HIP: what the compiler is told about loops, pointers, caches and resident blocks. What is computed stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.cuda_text import CudaText, as_c
from warploom.syntax.span import Edit, edited
from warploom.values.candidate import Scalar

UNROLLS = (4, 2, 8, 16, 1)
LOADS = ("__ldg", "__ldcs", "__ldcg")
STORES = ("__stcs", "__stcg")
_BOUNDS = re.compile(r"__launch_bounds__\((?P<words>(?:[^()]|\([^()]*\))*)\)\s*")
_LOAD = re.compile(
    r"(?:(?<![\w)])\*|__ld\w+\()"
    r"(?P<address>reinterpret_cast<const (?:u?int[24]?|float[24]?|unsigned|double2?)\*>\((?:[^()]|\([^()]*\))*\))"
)
_PLAIN = re.compile(r"(?<=[,(])\s*(?:const\s+)?[\w:]+\s*\*(?!\s*(__)?restrict)")


@dataclass(frozen=True)
class LaunchBounds:
    """How many blocks are to be resident in a unit at least, so that registers are kept few. Site: the kernel."""

    name: str = "launch_bounds"
    phase: Phase = Phase.JAM

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels whose bounds do not say."""
        source = CudaText(text_of(unit))
        return [Site(source.name, {"blocks": (2, 1, 3, 4, 6)})] if _bounded(source) is not None else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Bounds with the block of the LAUNCH line and this number."""
        source = CudaText(text_of(unit))
        place = _bounded(source)
        if place is None or label != source.name:
            raise NotApplicable("the kernel has such bounds, or no block of known size")
        words = [as_c(word) for word in source.launched["block"]]
        threads = " * ".join(words) if len(words) == 1 else " * ".join(f"({word})" for word in words)
        bounds = f"__launch_bounds__({threads}, {parameters.get('blocks', 2)})"
        return unit_of(edited(source.text, [Edit(*place, f"{bounds}\n")]))


def _bounded(source: CudaText) -> tuple[int, int] | None:
    """Where bounds stand that give no number of blocks, or where they would stand."""
    if source.entry is None or "block" not in source.launched:
        return None
    head = source.entry["head"]
    found = _BOUNDS.search(head)
    begin = source.entry.start("head")
    if found is None:
        name = begin + head.rindex(source.name + "(") if source.name + "(" in head else -1
        return (name, name) if name >= 0 else None
    return None if "," in found["words"] else (begin + found.start(), begin + found.end())


@dataclass(frozen=True)
class Unroll:
    """``#pragma unroll`` before a loop, or another number in it; 1 keeps it rolled. Site: ``variable:number``."""

    name: str = "unroll_loop"
    phase: Phase = Phase.BLOCKING

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Every loop that begins its line."""
        source = CudaText(text_of(unit))
        return [Site(loop.label, {"times": UNROLLS}) for loop in source.loops] if source.entry else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The loop with its pragma."""
        source = CudaText(text_of(unit))
        for loop in source.loops:
            if loop.label == label:
                pragma = f"#pragma unroll {parameters.get('times', UNROLLS[0])}\n"
                if source.text[loop.begin : loop.place] == pragma:
                    raise NotApplicable(f"{label} is unrolled so already")
                return unit_of(edited(source.text, [Edit(loop.begin, loop.place, pragma)]))
        raise NotApplicable(f"there is no loop {label}")


@dataclass(frozen=True)
class Restrict:
    """``__restrict__`` on every pointer of the kernel that lacks it: no two tensors overlap. Site: the kernel."""

    name: str = "restrict_pointers"
    phase: Phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels with a pointer that lacks it."""
        source = CudaText(text_of(unit))
        return [Site(source.name)] if _plain(source) else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The kernel's head with all pointers restricted."""
        source = CudaText(text_of(unit))
        places = _plain(source)
        if not places or label != source.name:
            raise NotApplicable("every pointer is restricted")
        return unit_of(edited(source.text, [Edit(place, place, " __restrict__") for place in places]))


def _plain(source: CudaText) -> list[int]:
    if source.entry is None:
        return []
    begin = source.entry.start("words") - 1
    return [begin + found.end() for found in _PLAIN.finditer(f"({source.entry['words']}")]


@dataclass(frozen=True)
class CachedLoad:
    """A load of a built-in type, such as a vector, through one of the caches. Site: its number."""

    name: str = "cached_load"
    phase: Phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """``*reinterpret_cast<const uint4*>(…)`` and the like."""
        return [Site(label, {"by": LOADS}) for label, _ in _loads(CudaText(text_of(unit)))]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The load by an intrinsic function."""
        source = CudaText(text_of(unit))
        for own, found in _loads(source):
            if own == label:
                call = f"{parameters.get('by', LOADS[0])}({found['address']})"
                return unit_of(edited(source.text, [Edit(*found.span(), call)]))
        raise NotApplicable(f"there is no load {label}")


def _loads(source: CudaText) -> Iterator[tuple[str, re.Match[str]]]:
    if source.entry is not None:
        for number, found in enumerate(_LOAD.finditer(source.veiled), start=1):
            if found[0].startswith("*"):  # those that are done count too
                yield str(number), found


@dataclass(frozen=True)
class StreamedStore:
    """A store to an output that does not stay in the caches. Site: ``output:number``."""

    name: str = "streamed_store"
    phase: Phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Plain assignments to an element of an output."""
        return [Site(label, {"by": STORES}) for label, _ in _stores(CudaText(text_of(unit)))]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The store by an intrinsic function."""
        source = CudaText(text_of(unit))
        for own, found in _stores(source):
            if own == label:
                call = f"{parameters.get('by', STORES[0])}(&{found['place']}, {found['value']});"
                return unit_of(edited(source.text, [Edit(*found.span(), call)]))
        raise NotApplicable(f"there is no store {label}")


def _stores(source: CudaText) -> Iterator[tuple[str, re.Match[str]]]:
    for name in source.pointers:
        place = rf"{name}\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
        pattern = re.compile(rf"(?<![\w.&])(?P<place>{place}) = (?P<value>[^;=]*);|__st\w+\(&{place}")
        for number, found in enumerate(pattern.finditer(source.veiled, *source.body), start=1):
            if found["place"]:  # those that are done count too
                yield f"{name}:{number}", found


SHARED: tuple[Move, ...] = (LaunchBounds(), Unroll(), Restrict())
"""What CUDA and HIP both take."""

MOVES: tuple[Move, ...] = (*SHARED, CachedLoad(), StreamedStore())
