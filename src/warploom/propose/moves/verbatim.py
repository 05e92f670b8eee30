"""Moves on text: languages whose sources are kept as one piece, see :data:`warploom.syntax.dialect.VERBATIM`."""

from __future__ import annotations

from warploom.errors import NotApplicable, SourceError
from warploom.syntax.cpp.tree import RawItem, Unit
from warploom.syntax.triton_text import TritonText


def text_of(unit: Unit) -> str:
    """The text of a verbatim tree; "" for any other tree."""
    return unit.items[0].text if len(unit.items) == 1 and isinstance(unit.items[0], RawItem) else ""


def unit_of(text: str) -> Unit:
    """The verbatim tree of a text."""
    return Unit((RawItem(text),))


def triton_of(unit: Unit) -> TritonText | None:
    """The Triton source of a verbatim tree; None where it is none."""
    try:
        source = TritonText(text_of(unit))
    except SourceError:
        return None
    return source if source.stands_alone else None


def triton_at(unit: Unit) -> TritonText:
    """As :func:`triton_of`.

    Raises:
        NotApplicable: it is no Triton source.
    """
    source = triton_of(unit)
    if source is None:
        raise NotApplicable("this is no Triton kernel")
    return source
