"""Values ↔ JSON, by their type annotations, so that nothing that is added to a value can be forgotten here.

Dataclasses become objects with their field names, tuples become lists; a union of dataclasses carries the name of
its class under ``"type"``. Floats go round exactly, NaN and infinities included.
"""

from __future__ import annotations

import json
import types
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from warploom.archive.checksum import intact, opened, sealed
from warploom.errors import JournalError
from warploom.values.candidate import Proposal
from warploom.values.event import EVENTS, Event
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Workload

Value = TypeVar("Value")
Reader = Callable[[Any], Any]

KIND_OF: dict[type[Event], str] = {event: event.__name__ for event in EVENTS}
EVENT_OF: dict[str, type[Event]] = {name: event for event, name in KIND_OF.items()}
_FAULTS = (ValueError, KeyError, TypeError, AttributeError)
"""What may come of a text that is damaged."""


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
    return _reader(kind)(data)


@cache
def _reader(kind: Any) -> Reader:
    """What reads values of a type. It is made once a type: a long run is read from hundreds of thousands of events."""
    if kind is Workload:
        return lambda data: Workload(data["recipe"], **data["axes"])
    if is_dataclass(kind):
        return _reader_of_fields(kind)
    origin, inside = get_origin(kind), get_args(kind)
    if origin is tuple and len(inside) == 2 and inside[1] is Ellipsis:
        each = _reader(inside[0])
        return tuple if each is _as_it_is else lambda data: tuple(map(each, data))
    if origin is tuple:
        readers = [_reader(one) for one in inside]
        return lambda data: tuple(read(one) for read, one in zip(readers, data, strict=True))
    if origin in (Union, types.UnionType):
        return _reader_of_union(inside)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        value = _reader(inside[1])
        return lambda data: {key: value(item) for key, item in data.items()}
    return _as_it_is


def _reader_of_fields(kind: Any) -> Reader:
    """Most fields are as JSON has them: only the others are gone through.

    A long run has hundreds of thousands of events: where all fields are there, and nothing but them makes the value,
    they become its content at once, and not one by one in an ``__init__``.
    """
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    others = [(name, read) for name, read in readers.items() if read is not _as_it_is]
    plain = not (hasattr(kind, "__post_init__") or hasattr(kind, "__slots__"))

    def read(data: Any) -> Any:
        found = dict(data)
        for name, reader in others:
            if (item := found.get(name)) is not None:
                found[name] = reader(item)
        if not plain or found.keys() != readers.keys():
            return kind(**found)
        made = object.__new__(kind)
        object.__setattr__(made, "__dict__", found)
        return made

    return read


def _reader_of_union(kinds: tuple[Any, ...]) -> Reader:
    composed = [_reader(kind) for kind in kinds if is_dataclass(kind) or get_origin(kind) is not None]
    if not composed:
        return _as_it_is
    named = {kind.__name__: _reader(kind) for kind in kinds if get_origin(kind) is None}

    def read(data: Any) -> Any:
        if isinstance(data, dict) and "type" in data:
            return named[data["type"]]({name: item for name, item in data.items() if name != "type"})
        return composed[0](data) if isinstance(data, (dict, list)) else data

    return read


def _as_it_is(data: Any) -> Any:
    return data


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
    """Kind and JSON of an event, with a checksum of both behind it."""
    kind = KIND_OF[type(event)]
    return kind, sealed(kind, json.dumps(to_plain(event), separators=(",", ":"), sort_keys=True))


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
        return cast(Event, from_plain(EVENT_OF[kind], json.loads(opened(text))))
    except _FAULTS as error:
        raise JournalError(f"an event of kind {kind} is damaged: {error}") from None


def events_from(rows: Sequence[tuple[str, str]]) -> Iterable[Event]:
    """Many events, from kind and text of each. They are parsed as one text, in a third of the time.

    Raises:
        JournalError: as :func:`event_from`, after the events before the damaged one.
    """
    try:
        if not all(intact(kind, text) for kind, text in rows):
            raise ValueError("a checksum does not fit")
        readers = {kind: _reader(cast(Any, EVENT_OF[kind])) for kind in {kind for kind, _ in rows}}
        plain = json.loads(f"[{','.join([opened(text) for _, text in rows])}]")
        return [readers[kind](one) for (kind, _), one in zip(rows, plain, strict=True)]
    except _FAULTS:
        # One is damaged: which, and why, is found now.
        return (event_from(kind, text) for kind, text in rows)


def job_text(job: Job) -> str:
    """A job as JSON, for an executor that sits elsewhere."""
    return json.dumps(to_plain(job))


def job_from(text: str) -> Job:
    """The inverse of :func:`job_text`."""
    return cast(Job, from_plain(Job, json.loads(text)))
