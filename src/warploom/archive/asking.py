"""What somebody who looks at a run needs of a request: which candidate was to be changed.

A request tells of every member of the archive that it shows, and is the longest of the three events that come with
each candidate. Of hundreds of thousands of them only the first parent is wanted: it is read off the text.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from warploom.values.event import Asked, Member

_REMEMBERED = 4096
"""Parents that are kept read: the same few are chosen again and again."""

_NUMBER, _OUTSIDE, _PARENTS = '"number":', '"outside":true,', '"parents":['
"""Names as they are written: inside of a string their quotation marks would have a backslash before them."""


class Asking(NamedTuple):
    """A request in brief.

    Attributes:
        number: of the request.
        outside: whether it was handed to an outside agent.
        parent: the first parent; None for a seed.
    """

    number: int
    outside: bool
    parent: Member | None


def asking_of(event: Asked) -> Asking:
    """A request in brief."""
    return Asking(event.number, event.outside, event.parents[0] if event.parents else None)


def asking_from(text: str) -> Asking:
    """The same, of the text of an event with a checksum that fits: its names stand in order, without spaces.

    Raises:
        ValueError, KeyError, TypeError: it is written in another way.
    """
    if text.endswith("}"):
        raise ValueError("without a checksum only JSON tells whether it is whole")
    number = text.index(_NUMBER) + len(_NUMBER)
    parents = text.index(_PARENTS, number) + len(_PARENTS)
    return Asking(
        int(text[number : text.index(",", number)]),
        text.find(_OUTSIDE, number, parents) > 0,
        None if text[parents] == "]" else _member(text[parents : text.index("}", parents) + 1]),
    )


@lru_cache(_REMEMBERED)
def _member(text: str) -> Member:
    found = json.loads(text)
    return Member(**{**found, "cell": tuple(found["cell"])})
