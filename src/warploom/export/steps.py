"""Why a kernel is fast, in words: the steps that led to it from the seed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from warploom.export.markdown import plain
from warploom.propose.moves.cpp.book import MOVES

_WORDS: Mapping[str, str] = {
    move.name: re.sub(r":\w+:`", "`", " ".join((type(move).__doc__ or move.name).split("\n\n")[0].split()))
    for move in MOVES
}
"""Move → what it does, in its own words."""


def steps(evidence: Mapping[str, Any]) -> list[str]:
    """One line of Markdown a step, in the order in which they are applied.

    A recipe of moves says what each does. What was written by something else (a model, a crossover of two sources) says
    what its proposer noted, from the seed on.
    """
    lineage = evidence.get("lineage") or {}
    recipe = lineage.get("steps") or []
    if recipe:
        return [_move(step) for step in recipe]
    line = [*reversed(evidence.get("ancestors") or []), lineage]
    return [f"{plain(one.get('proposer') or 'unknown')}: {plain(one['note'])}" for one in line if one.get("note")] or [
        "It is the problem's own starting implementation."
    ]


def _move(step: Mapping[str, Any]) -> str:
    name = str(step["move"])
    chosen = ", ".join(f"{key} {value}" for key, value in step.get("parameters") or [])
    return f"**{plain(name)}**{f' ({plain(chosen)})' if chosen else ''}: {_WORDS.get(name, 'a rewrite')}"
