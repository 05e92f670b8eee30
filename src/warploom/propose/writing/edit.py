"""SEARCH/REPLACE on a text: tolerant of indentation and trailing blanks, strict about everything else.

What is not found, or found twice, is told to the model with the nearest text and its line numbers.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from warploom.errors import SourceError
from warploom.propose.writing.answer import Edit

MOST_COMPARED = 4000
"""Lines of a source that the nearest text is looked for in."""

MOST_SOUGHT = 40
"""Lines of a SEARCH that are compared for that."""

MOST_PLACES = 4
"""Places that a message names."""

MOST_NEAREST = 3
"""Edits that are answered with the nearest text."""

MOST_SHOWN = 24
"""Lines of the source that a message shows."""


def apply(source: str, edits: Sequence[Edit]) -> str:
    """The source after all edits, one after another.

    Raises:
        SourceError: for the model: every edit that could not be made, and why.
    """
    complaints: list[str] = []
    for number, edit in enumerate(edits, start=1):
        try:
            source = apply_one(source, edit)
        except SourceError as error:
            said = str(error) if len(complaints) < MOST_NEAREST else str(error).partition("\n")[0]
            complaints.append(f"edit {number}: {said}")
    if complaints:
        raise SourceError("\n".join(complaints))
    return source


def apply_one(source: str, edit: Edit) -> str:
    """The source after one edit.

    Raises:
        SourceError: its SEARCH is empty, is nowhere, or is in several places.
    """
    lines = source.split("\n")
    sought = _trimmed(edit.search.split("\n"))
    if not sought:
        raise SourceError("its SEARCH is empty; repeat the lines that are to be replaced")
    replacement = edit.replace.split("\n") if edit.replace else []
    for same in (_as_it_is, str.rstrip, str.strip):
        found = _places(lines, sought, same)
        if len(found) > 1:
            numbers = ", ".join(str(place + 1) for place in found)
            raise SourceError(f"its SEARCH is found more than once, from lines {numbers}; add lines around it")
        if found:
            begin, end = found[0], found[0] + len(sought)
            new = _indented(replacement, sought, lines[begin:end]) if same is str.strip else replacement
            return "\n".join([*lines[:begin], *new, *lines[end:]])
    if len(sought) == 1 and source.count(sought[0].strip()) == 1:
        return source.replace(sought[0].strip(), edit.replace.strip())
    raise SourceError(f"its SEARCH is not in the source. {nearest(lines, sought)}")


def _as_it_is(line: str) -> str:
    return line


def _trimmed(lines: list[str]) -> list[str]:
    """Without empty lines before and after."""
    full = [number for number, line in enumerate(lines) if line.strip()]
    return lines[full[0] : full[-1] + 1] if full else []


def _places(lines: Sequence[str], sought: Sequence[str], same: Callable[[str], str]) -> list[int]:
    """Where the sought lines stand, when two lines are the same after ``same``; the first few places."""
    own, wanted = ("\n".join(["", *map(same, one), ""]) for one in (lines, sought))
    found: list[int] = []
    place = own.find(wanted)
    while place >= 0 and len(found) < MOST_PLACES:
        found.append(own.count("\n", 0, place))
        place = own.find(wanted, place + 1)
    return found


def _indented(replacement: list[str], sought: Sequence[str], found: Sequence[str]) -> list[str]:
    """The replacement, moved as the text that was found stands to the text that was sought."""
    here, there = _indent(sought[0]), _indent(found[0])
    return [there + line[len(here) :] if line.strip() and line.startswith(here) else line for line in replacement]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def nearest(lines: Sequence[str], sought: Sequence[str]) -> str:
    """The part of the source that is most like the sought lines, with line numbers, in words for the model."""
    own = [line.strip()[:200] for line in lines[:MOST_COMPARED]]
    wanted = [line.strip()[:200] for line in sought[:MOST_SOUGHT]]
    scores = [
        sum(one == other and bool(one) for one, other in zip(own[place : place + len(wanted)], wanted, strict=False))
        for place in range(len(own))
    ]
    best = max(range(len(own)), key=lambda place: scores[place])
    if not scores[best]:
        telling = max(wanted, key=len)
        close = difflib.get_close_matches(telling, own, n=1, cutoff=0.5)
        if not close:
            return "Nothing in it is like it."
        best = max(0, own.index(close[0]) - wanted.index(telling))
    end = min(len(lines), best + min(len(sought), MOST_SHOWN) + 1)
    return f"The nearest text is:\n{numbered(lines[best:end], best + 1)}"


def numbered(lines: Sequence[str], first: int) -> str:
    """Lines with their numbers before them."""
    return "\n".join(f"{number:5d} | {line[:240]}" for number, line in enumerate(lines, start=first))
