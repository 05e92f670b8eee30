"""Two sources beside one another: rows of lines, with what came and what went, and the words of C++ told apart."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from pygments.lexers import CppLexer  # type: ignore[import-untyped]
from pygments.token import Token  # type: ignore[import-untyped]

from warploom.report.html.svg import element
from warploom.values.plain_text import printable

MOST_LINES = 1500
"""Lines of one source that are shown; longer ones are cut, and it is said."""

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
    """Rows of the two sources, equal lines beside one another; at most :data:`MOST_LINES` of each source."""
    old_text, new_text = before.splitlines()[:MOST_LINES], after.splitlines()[:MOST_LINES]
    old, new = coloured(old_text), coloured(new_text)
    rows: list[Row] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old_text, new_text, autojunk=False).get_opcodes():
        for index in range(max(b - a, d - c)):
            left = (a + index + 1, old[a + index]) if index < b - a else None
            right = (c + index + 1, new[c + index]) if index < d - c else None
            rows.append(Row(left, right, kind != "equal"))
    return rows


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
