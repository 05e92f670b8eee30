"""Two sources beside one another: rows of lines, with what came and what went, and the words of C++ told apart."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from pygments.lexers import CppLexer  # type: ignore[import-untyped]
from pygments.token import Token  # type: ignore[import-untyped]

from warploom.report.html.svg import element
from warploom.values.plain_text import printable

MOST_LINES = 1500
"""Lines of one source that are shown; longer ones are cut, and it is said."""

_HELPERS = re.compile(r"#ifndef (WARPLOOM_\w+)")

_CLASSES = (
    (Token.Comment.Preproc, "keyword"),
    (Token.Comment, "comment"),
    (Token.Keyword, "keyword"),
    (Token.Literal, "literal"),
)


@dataclass(frozen=True)
class Row:
    """One row: number and text of a line on each side, None where a side has none, and whether it changed."""

    left: tuple[int, Markup] | None
    right: tuple[int, Markup] | None
    changed: bool


def side_by_side(before: str, after: str) -> list[Row]:
    """Rows of the two sources, equal lines beside one another, helpers folded; :data:`MOST_LINES` of each at most."""
    old_lines, new_lines = (folded(text.splitlines()[:MOST_LINES]) for text in (before, after))
    old_text, new_text = ([line for _, line in lines] for lines in (old_lines, new_lines))
    old, new = coloured(old_text), coloured(new_text)
    rows: list[Row] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old_text, new_text, autojunk=False).get_opcodes():
        for index in range(max(b - a, d - c)):
            left = (old_lines[a + index][0], old[a + index]) if index < b - a else None
            right = (new_lines[c + index][0], new[c + index]) if index < d - c else None
            rows.append(Row(left, right, kind != "equal"))
    return rows


def folded(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Numbered lines, each block of helpers that moves bring along (``#ifndef WARPLOOM_…``) as one line of comment."""
    found: list[tuple[int, str]] = []
    start, name, depth = 0, "", 0
    for number, line in enumerate(lines, 1):
        opening = _HELPERS.match(line)
        if not depth and opening:
            start, name, depth = number, opening[1], 1
        elif depth:
            depth += line.startswith("#if")
            depth -= line.startswith("#endif")
            if not depth:
                found.append((start, f"// {name}: {number - start + 1} lines of helpers, in the whole source below"))
        else:
            found.append((number, line))
    if depth:
        found += [(number, line) for number, line in enumerate(lines, 1) if number >= start]
    return found


def coloured(lines: Sequence[str]) -> list[Markup]:
    """The lines of a C++ source with its words in classes; whatever they say is escaped."""
    found = [Markup()]
    text = "\n".join(printable(line) for line in lines)
    for kind, value in CppLexer(stripnl=False, ensurenl=False).get_tokens(text):
        name = next((name for token, name in _CLASSES if kind in token), None)
        for number, part in enumerate(value.split("\n")):
            if number:
                found.append(Markup())
            if part:
                found[-1] += element("span", part, class_=name) if name else escape(part)
    return found[: len(lines)] + [Markup()] * (len(lines) - len(found))
