"""Support code that moves put on top of the evolve block: vector types, exp16 and its relatives.

Each text in ``support/`` is one include-guarded block, so it stays one verbatim item when the source is parsed again
and does no harm when a crossover brings it twice. It includes no header: a candidate compiles in 0.1 s and may stand
in a file that includes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources

from warploom.errors import NothingToPropose
from warploom.syntax.cpp.tree import RawItem, Unit

NEEDS: Mapping[str, tuple[str, ...]] = {
    "vectors": (),
    "across": ("vectors",),
    "scan": ("vectors",),
    "stream": ("vectors",),
    "exp": ("vectors",),
    "log": ("vectors",),
    "erf": ("vectors", "exp"),
    "exp_poly": (),
    "scratch": (),
}
"""Support text → the texts that must stand before it; in an order that is always right."""


@cache
def text_of(topic: str, suffix: str = "h") -> str:
    """The text of one topic of :data:`NEEDS`, without a final newline: "h" in C++, "cl" in OpenCL.

    Raises:
        FileNotFoundError: nobody wrote it in that language.
    """
    path = resources.files("warploom.propose.moves.cpp") / "support_code" / f"{topic}.{suffix}"
    return path.read_text(encoding="utf-8").rstrip("\n")


def in_opencl(unit: Unit) -> Unit:
    """The unit with its support code in OpenCL, where moves put it in C++.

    Raises:
        NothingToPropose: a support text of it exists in C++ alone.
    """
    items = list(unit.items)
    for topic in NEEDS:
        for place, item in enumerate(items):
            if not _is_block(item, topic):
                continue
            try:
                items[place] = RawItem(text_of(topic, "cl"))
            except FileNotFoundError:
                raise NothingToPropose(f"the support code {topic!r} is not there in OpenCL") from None
    return replace(unit, items=tuple(items))


@cache
def providers() -> Mapping[str, tuple[str, ...]]:
    """Function or type name → the topics that define it (overloads may stand in several)."""
    found: dict[str, tuple[str, ...]] = {}
    for topic in NEEDS:
        defined = re.findall(r"(\w+)\([^()]*\)\s*\{", text_of(topic))
        defined += re.findall(r"^typedef .*?(\w+) __attribute__", text_of(topic), re.MULTILINE)
        defined += re.findall(r"^WARPLOOM_SCAN16\((\w+)", text_of(topic), re.MULTILINE)
        defined += [f"before_{name}" for name in defined if name.startswith("scan_")]
        for name in dict.fromkeys(defined):
            found[name] = (*found.get(name, ()), topic)
    return found


def with_support(unit: Unit, *names: str) -> Unit:
    """The unit with the support code that defines ``names`` on top, each text once.

    Args:
        unit: any unit.
        names: functions and types ("exp16", "f32x16") or topics ("vectors").

    Raises:
        KeyError: no support text defines one of the names.
    """
    wanted: set[str] = set()
    for name in names:
        _require([name] if name in NEEDS else providers()[name], wanted)
    blocks = {topic: RawItem(text_of(topic)) for topic in NEEDS}
    present = {topic for topic, block in blocks.items() if any(_is_block(item, topic) for item in unit.items)}
    if wanted <= present:
        return unit
    front = tuple(blocks[topic] for topic in NEEDS if topic in wanted | present)
    rest = tuple(item for item in unit.items if not any(_is_block(item, topic) for topic in NEEDS))
    return replace(unit, items=front + rest)


def _require(topics: Iterable[str], wanted: set[str]) -> None:
    for topic in topics:
        wanted.add(topic)
        _require(NEEDS[topic], wanted)


def _is_block(item: object, topic: str) -> bool:
    return isinstance(item, RawItem) and item.text.lstrip().startswith(f"#ifndef WARPLOOM_{topic.upper()}\n")
