"""What a move does, in words, for readers who do not know it by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from warploom.propose.moves.book import MOVES


def _words(docstring: str) -> str:
    """The first sentences of a move's docstring, without the parts that speak of its parameters, and without markup."""
    first = " ".join(docstring.split("\n\n")[0].split())
    plain = re.sub(r":\w+:`|`", "", re.split(r" (?:Site|Parameters?): ", first)[0])
    return plain if first.startswith(("`", ":")) else plain[:1].upper() + plain[1:]


_MEANINGS: Mapping[str, str] = {move.name: _words(type(move).__doc__ or "") for move in MOVES}


def meaning(change: str) -> str:
    """The words for a move that came, "+ vectorise(@every, lanes=8)" for instance; "" for all else."""
    found = re.match(r"\+ (\w+)\(", change)
    return _MEANINGS.get(found[1], "") if found else ""
