"""What a move does, in words, for readers who do not know it by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from warploom.propose.moves.books import BOOKS
from warploom.propose.moves.protocol import meaning_of

_MEANINGS: Mapping[str, str] = {move.name: meaning_of(move) for book in BOOKS.values() for move in book.moves}


def meaning(change: str) -> str:
    """The words for a move that came, "+ vectorise(@every, lanes=8)" for instance; "" for all else."""
    found = re.match(r"\+ (\w+)\(", change)
    return _MEANINGS.get(found[1], "") if found else ""
