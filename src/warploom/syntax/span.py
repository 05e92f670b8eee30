"""Changes of a text at known places, so that all else stays as it was written: comments, line breaks, spaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """The letters from ``begin`` up to ``end`` become ``text``."""

    begin: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after these edits, whose places are those in the text before any of them.

    Raises:
        ValueError: two edits overlap.
    """
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda one: (one.begin, one.end)):
        if edit.begin < at:
            raise ValueError(f"two edits at {edit.begin}")
        pieces += [text[at : edit.begin], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])
