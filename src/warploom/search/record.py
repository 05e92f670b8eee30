"""What was said and proposed in a run, as one small file of JSON lines: to be kept, and to be replayed.

The first line is about the run, then come the exchanges, the candidates of outside agents, and the events that say
what came of everything. Evaluations stay in the run: a replay judges anew.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from warploom.archive import journal as journals
from warploom.archive.database import FILE
from warploom.archive.encode import from_plain, to_plain
from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.search.task import hash_of
from warploom.values.candidate import Proposal
from warploom.values.event import PACE, Asked, Declined, Evaluated, NotPromoted, Promoted, Proposed, RunEnded, Steered
from warploom.values.exchange import Exchange

TOLD = (Proposed, Declined, Evaluated, Promoted, NotPromoted, Steered, RunEnded)
"""The events that a record keeps."""


class Record:
    """Answers and agents' candidates of a run, by the number of the request.

    Args:
        source: where they come from, for messages.
        run: configuration and problem, see :func:`lines`.
        last: number of the last request that was answered.
        exchanges: without prompts that nobody answered.
        proposals: number → what an outside agent proposed.
        steered: pins and hints, by the number of the first request that they could change.
    """

    def __init__(
        self,
        source: str,
        run: Mapping[str, Any],
        last: int,
        exchanges: list[Exchange],
        proposals: Mapping[int, Proposal],
        steered: Mapping[int, list[Steered]],
    ) -> None:
        self.source = source
        self.run = run
        self.last = last
        self._exchanges: dict[int, list[Exchange]] = {}
        for exchange in exchanges:
            self._exchanges.setdefault(exchange.number, []).append(exchange)
        self._proposals = dict(proposals)
        self.steered = dict(steered)

    @property
    def proposer(self) -> str:
        """What proposed in the run, as a configuration names it."""
        return str(self.run["config"].get("proposer", "moves"))

    @property
    def problem_hash(self) -> str:
        """Of the problem that the run was about."""
        return str(self.run["problem_hash"])

    def of(self, number: int) -> tuple[Exchange, ...]:
        """What models answered to a request, turn by turn."""
        return () if number in self._proposals else tuple(self._exchanges.get(number, ()))

    def proposal(self, number: int) -> Proposal | None:
        """What an outside agent proposed for a request."""
        return self._proposals.get(number)


def read_record(path: Path) -> Record:
    """The record of a run: its directory, or a file that :func:`lines` was written to.

    Raises:
        JournalError: there is none, or it is damaged.
    """
    if path.is_dir() or path.name == FILE:
        with journals.read(path if path.is_dir() else path.parent) as journal:
            return _record(str(path), lines(journal))
    try:
        with open_record(path, "r") as file:
            return _record(str(path), (json.loads(line) for line in file if line.strip()))
    except (gzip.BadGzipFile, EOFError) as error:
        raise JournalError(f"{path} is no whole record: {error}") from None
    except OSError as error:
        raise JournalError(f"no record here: {path}: {error.strerror}") from None


def open_record(path: Path, mode: Literal["r", "x", "w"]) -> TextIO:
    """A record's file as text; a name that ends in ``.gz`` is packed, to about a sixth.

    Raises:
        OSError: it cannot be opened so.
    """
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, f"{mode}t", encoding="utf-8"))
    return path.open(mode, encoding="utf-8")


def lines(journal: Journal) -> Iterator[dict[str, Any]]:
    """A run as JSON objects, one a line."""
    started = journal.started
    yield {
        "run": {
            "warploom": started.version,
            "config": dict(started.config),
            "problem": started.problem.get("name"),
            "problem_hash": hash_of(started.problem),
        }
    }
    for exchange in journal.conversations.all():
        if exchange.finish != "open":
            yield {"exchange": to_plain(exchange)}
    outside: set[int] = set()
    for event in journal.events():
        if isinstance(event, Asked) and event.outside:
            outside.add(event.number)
        if isinstance(event, Proposed) and event.number in outside:
            yield {"agent": {"number": event.number, "proposal": to_plain(journal.proposal(event.candidate))}}
        if isinstance(event, TOLD):
            yield {"event": {"kind": type(event).__name__, **to_plain(event)}}


def _record(source: str, objects: Iterator[dict[str, Any]]) -> Record:
    run: Mapping[str, Any] | None = None
    exchanges: list[Exchange] = []
    proposals: dict[int, Proposal] = {}
    steered: dict[int, list[Steered]] = {}
    last = 0
    try:
        for one in objects:
            ((kind, value),) = one.items()
            if kind == "run":
                run = {"config": dict(value["config"]), "problem_hash": str(value["problem_hash"])}
            elif kind == "exchange":
                exchanges.append(from_plain(Exchange, value))
                last = max(last, exchanges[-1].number)
            elif kind == "agent":
                proposals[int(value["number"])] = from_plain(Proposal, value["proposal"])
            elif kind == "event" and value["kind"] == Steered.__name__:
                event = from_plain(Steered, {name: item for name, item in value.items() if name != "kind"})
                if not event.refused and event.command not in PACE:
                    steered.setdefault(event.number, []).append(event)
            elif kind == "event":
                last = max(last, int(value.get("number", 0)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise JournalError(f"{source} is no record of a run, or damaged: {type(error).__name__}: {error}") from None
    if run is None:
        raise JournalError(f"{source} is no record of a run: its first line is not about one")
    return Record(source, run, last, sorted(exchanges, key=lambda one: (one.number, one.turn)), proposals, steered)
