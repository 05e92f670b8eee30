"""Events by the thousand, for those who look at a run: whoever opens a long one waits until all of them are read.

Three events come with each candidate: it is asked for, proposed and judged. Between two other events they make a
stretch, in which those of a kind are parsed as one text, by msgspec, to values that have the fields of the event; of
a request, which tells of every member of the archive that it shows, only what is looked at. Nothing is mended or
passed over here: whatever is not as Warploom writes it is left to :mod:`.encode`, which tells what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, NamedTuple, cast, get_type_hints

from msgspec import MsgspecError, defstruct
from msgspec.json import Decoder

from warploom.archive.checksum import all_opened
from warploom.archive.encode import event_from
from warploom.errors import JournalError
from warploom.values.event import Asked, Evaluated, Event, Member, Proposed

LOOKED_AT: Mapping[type, Set[str]] = {Asked: {"number", "parents", "outside"}}
"""The fields of an event that are read, where that is not all of them."""

_ASKED, _PROPOSED, _EVALUATED = Asked.__name__, Proposed.__name__, Evaluated.__name__


class Stretch(NamedTuple):
    """The events with which candidates came, up to one of another kind: those of each kind in their order.

    Attributes:
        asked: requests, of which only what :data:`LOOKED_AT` names can be relied on.
        proposed: candidates.
        evaluated: what came of candidates.
    """

    asked: Sequence[Asked]
    proposed: Sequence[Proposed]
    evaluated: Sequence[Evaluated]

    @property
    def length(self) -> int:
        """Number of events."""
        return len(self.asked) + len(self.proposed) + len(self.evaluated)


def stretch_of(event: Event) -> Stretch | Event:
    """One event, read with care, as if it came alone."""
    match event:
        case Asked():
            return Stretch((event,), (), ())
        case Proposed():
            return Stretch((), (event,), ())
        case Evaluated():
            return Stretch((), (), (event,))
        case _:
            return event


def briefly(kinds: Sequence[str], texts: Sequence[bytes]) -> list[Stretch | Event] | None:
    """Many events; None where one of them must be read with more care.

    Args:
        kinds: of the events.
        texts: of the events, with their checksums.
    """
    try:
        return list(_parts(kinds, all_opened(kinds, texts), texts))
    except (ValueError, TypeError, JournalError, MsgspecError):
        return None


def _parts(kinds: Sequence[str], bodies: Sequence[bytes], texts: Sequence[bytes]) -> Iterator[Stretch | Event]:
    begin = 0
    often = {_ASKED, _PROPOSED, _EVALUATED}
    for other in [place for place, kind in enumerate(kinds) if kind not in often]:
        if other > begin:
            yield _stretch(kinds[begin:other], bodies[begin:other])
        yield event_from(kinds[other], texts[other].decode())
        begin = other + 1
    if begin < len(kinds):
        yield _stretch(kinds[begin:], bodies[begin:])


def _stretch(kinds: Sequence[str], bodies: Sequence[bytes]) -> Stretch:
    by_kind: dict[str, list[bytes]] = {_ASKED: [], _PROPOSED: [], _EVALUATED: []}
    for kind, body in zip(kinds, bodies, strict=True):
        by_kind[kind].append(body)
    asked, proposed, evaluated = (
        _decode(kind)(b"[" + b",".join(by_kind[kind.__name__]) + b"]") for kind in (Asked, Proposed, Evaluated)
    )
    return Stretch(asked, proposed, evaluated)


@cache
def _decode(event: type) -> Callable[[bytes], list[Any]]:
    """What reads a list of such events."""
    many: Any = list
    return cast(Callable[[bytes], list[Any]], Decoder(many[_brief(event)]).decode)


def _brief(event: type) -> Any:
    """A type with the fields of the event that are looked at; where that is all of them, it allows no other."""
    hints, many = get_type_hints(event), cast(Any, tuple)
    if event is Asked:
        hints["parents"] = many[_brief(Member), ...]
    kept = [entry for entry in fields(event) if entry.name in LOOKED_AT.get(event, hints)]
    return defstruct(
        event.__name__,
        [_declared(entry, hints[entry.name]) for entry in kept],
        frozen=True,
        gc=False,
        forbid_unknown_fields=event not in LOOKED_AT,
    )


def _declared(entry: Field[Any], hint: Any) -> Any:
    return (entry.name, hint) if entry.default is MISSING else (entry.name, hint, entry.default)
