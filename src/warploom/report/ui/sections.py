"""The figures of the report, drawn for one run as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warploom.errors import ConfigError
from warploom.report.html.facts import Row, spent_rows
from warploom.report.html.gallery import Figure, of_the_climb, of_the_cost, of_the_search
from warploom.report.html.story import Story, climb
from warploom.report.ui.followed import Followed

Section = tuple[list[Figure], list[Row]]


def _climb(run: Followed) -> Section:
    return of_the_climb(climb(run.history, run.noise_floor)), []


def _search(run: Followed) -> Section:
    return of_the_search(Story(run.journal, run.history)), []


def _cost(run: Followed) -> Section:
    story = Story(run.journal, run.history)
    return of_the_cost(story), spent_rows(story)


SECTIONS: dict[str, Callable[[Followed], Section]] = {"climb": _climb, "search": _search, "cost": _cost}
"""Name → its figures, and rows of words."""


def section(run: Followed, name: str, width: int) -> dict[str, Any]:
    """The figures of a section.

    Args:
        run: which run.
        name: one of :data:`SECTIONS`.
        width: in pixels.

    Returns:
        ``figures``, each with ``name``, ``title``, ``words``, ``drawing`` (SVG) and ``table`` (head and rows, or None);
        ``facts``, rows of words.

    Raises:
        ConfigError: there is no such section.
    """
    if name not in SECTIONS:
        raise ConfigError(f"section {name!r}: known: {', '.join(SECTIONS)}")
    figures, facts = SECTIONS[name](run)
    drawn = [(figure, figure.draw(width)) for figure in figures]
    return {
        "seen": run.history.seen,
        "figures": [
            {
                "name": figure.name,
                "title": figure.title,
                "words": figure.words,
                "drawing": drawing.markup(),
                "table": figure.table and [list(figure.table.head), [list(row) for row in figure.table.rows]],
            }
            for figure, drawing in drawn
            if drawing is not None
        ],
        "facts": [list(row) for row in facts],
    }
