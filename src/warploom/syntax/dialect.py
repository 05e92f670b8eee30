"""How the sources of a language become trees that can be rewritten, and text again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from warploom.syntax import opencl
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import RawItem, Unit


@dataclass(frozen=True)
class Dialect:
    """One language.

    Attributes:
        read: text → tree.
        write: tree → text.
    """

    read: Callable[[str], Unit]
    write: Callable[[Unit], str]


def _verbatim(text: str) -> Unit:
    return Unit((RawItem(text),))


def _as_it_was(unit: Unit) -> str:
    return "\n".join(item.text for item in unit.items if isinstance(item, RawItem))


DIALECTS: dict[str, Dialect] = {"cpp": Dialect(parse, render), "opencl": Dialect(opencl.read, opencl.write)}
"""Language → its dialect."""

VERBATIM = Dialect(_verbatim, _as_it_was)
"""Of every other language: the text is one piece, and stays as it is."""


def dialect_of(language: str) -> Dialect:
    """The dialect of a language."""
    return DIALECTS.get(language, VERBATIM)
