"""Values ↔ JSON, by their type annotations, so that nothing that is added to a value can be forgotten here.

Dataclasses become objects with their field names, tuples become lists; a union of dataclasses carries the name of
its class under ``"type"``. Floats go round exactly, NaN and infinities included.
"""

from __future__ import annotations

import json
import types
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from warploom.errors import JournalError
from warploom.values.candidate import Proposal
from warploom.values.event import EVENTS, Event
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Workload

Value = TypeVar("Value")

KIND_OF: dict[type[Event], str] = {event: event.__name__ for event in EVENTS}
EVENT_OF: dict[str, type[Event]] = {name: event for event, name in KIND_OF.items()}


def to_plain(value: Any) -> Any:
    """JSON values of any value of :mod:`warploom.values`."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Workload():
            return {"recipe": value.recipe, "axes": value.extents}
        case tuple() | list():
            return [to_plain(item) for item in value]
        case Mapping():
            return {str(key): to_plain(item) for key, item in value.items()}
        case Passed() | Failed():
            return {"type": type(value).__name__} | _fields_of(value)
        case _ if is_dataclass(value):
            return _fields_of(value)
        case _:
            return str(value)


def _fields_of(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    return {name: to_plain(getattr(value, name)) for name in _names(kind)}


def from_plain(kind: Any, data: Any) -> Any:
    """The value of type ``kind`` that :func:`to_plain` made ``data`` of."""
    if kind is Workload:
        return Workload(data["recipe"], **data["axes"])
    if is_dataclass(kind):
        hints = _hints(cast(Any, kind))
        return cast(Any, kind)(**{name: from_plain(hints[name], item) for name, item in data.items() if name != "type"})
    origin = get_origin(kind)
    if origin is tuple:
        inside = get_args(kind)
        if len(inside) == 2 and inside[1] is Ellipsis:
            return tuple(from_plain(inside[0], item) for item in data)
        return tuple(from_plain(one, item) for one, item in zip(inside, data, strict=True))
    if origin in (Union, types.UnionType):
        return _from_union(get_args(kind), data)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: from_plain(get_args(kind)[1], item) for key, item in data.items()}
    return data


def _from_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    if isinstance(data, dict) and "type" in data:
        return from_plain(next(kind for kind in kinds if kind.__name__ == data["type"]), data)
    composed = [kind for kind in kinds if is_dataclass(kind) or get_origin(kind) is not None]
    return from_plain(composed[0], data) if composed and isinstance(data, dict | list) else data


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(kind))


def pack(value: Any) -> bytes:
    """Compressed JSON, at level 1: sources shrink to a third in tens of microseconds."""
    return zlib.compress(json.dumps(to_plain(value), separators=(",", ":")).encode(), 1)


def unpack(kind: type[Value], body: bytes) -> Value:
    """The inverse of :func:`pack`.

    Raises:
        JournalError: the bytes are damaged.
    """
    try:
        return cast(Value, from_plain(kind, json.loads(zlib.decompress(body))))
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        name = getattr(kind, "__name__", "evaluation")
        raise JournalError(f"a stored {name} is damaged: {error}") from None


def pack_evaluation(evaluation: Evaluation) -> bytes:
    """An evaluation, compressed."""
    return pack(evaluation)


def unpack_evaluation(body: bytes, candidate: str = "") -> Evaluation:
    """The inverse of :func:`pack_evaluation`.

    Args:
        body: what it gave.
        candidate: whose it must be, where that is known.

    Raises:
        JournalError: the bytes are damaged, or it was minted for another candidate.
    """
    found = unpack(cast(type[Evaluation], Evaluation), body)
    if candidate and isinstance(found, Passed) and found.mint is not None and found.mint.candidate != candidate:
        raise JournalError(f"the stored evaluation of {candidate} is damaged: it is one of {found.mint.candidate}")
    return found


def pack_proposal(proposal: Proposal) -> bytes:
    """A candidate with its lineage, compressed."""
    return pack(proposal)


def unpack_proposal(body: bytes, candidate: str = "") -> Proposal:
    """The inverse of :func:`pack_proposal`; ``candidate`` is its id, where that is known.

    Raises:
        JournalError: the bytes are damaged, or hold another candidate.
    """
    found = unpack(Proposal, body)
    if candidate and found.candidate.id != candidate:
        raise JournalError(f"the stored candidate {candidate} is damaged: its text is that of {found.candidate.id}")
    return found


def event_text(event: Event) -> tuple[str, str]:
    """Kind and JSON of an event, with a checksum of both behind it: SQLite itself has none."""
    kind, text = KIND_OF[type(event)], json.dumps(to_plain(event), separators=(",", ":"), sort_keys=True)
    return kind, f"{text}#{_checksum(kind, text)}"


def event_from(kind: str, text: str) -> Event:
    """The inverse of :func:`event_text`; reads events without a checksum too, as older journals hold them.

    Raises:
        JournalError: the kind is unknown or the text is damaged.
    """
    if kind not in EVENT_OF:
        raise JournalError(f"the journal holds an event of the unknown kind {kind!r}; it may be from a newer Warploom")
    try:
        if not intact(kind, text):
            raise ValueError("its checksum does not fit")
        return cast(Event, from_plain(EVENT_OF[kind], json.loads(text[: text.rindex("}") + 1])))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JournalError(f"an event of kind {kind} is damaged: {error}") from None


def intact(kind: str, text: str) -> bool:
    """Whether the text of an event carries the checksum that fits, or none."""
    body, _, found = text.rpartition("#")
    return text.endswith("}") or found == _checksum(kind, body)


def _checksum(kind: str, text: str) -> str:
    return f"{zlib.crc32(f'{kind} {text}'.encode()):08x}"


def job_text(job: Job) -> str:
    """A job as JSON, for an executor that sits elsewhere."""
    return json.dumps(to_plain(job))


def job_from(text: str) -> Job:
    """The inverse of :func:`job_text`."""
    return cast(Job, from_plain(Job, json.loads(text)))
