"""The journal: one SQLite file a run, append-only, one transaction an event, durable before anything acts on it.

``events`` holds what happened in the order in which it counted, small rows that a resume or a viewer scans.
``candidates`` holds each source once, ``evaluations`` each outcome whole. An evaluation is kept the moment it is
known, even when its turn in the order of events has not come. What was said to models is kept likewise, see
:mod:`.conversations`. What was judged or paid for is flushed to the disk; a request and a proposal, which would
come out the same again, wait for the next flush (they survive a killed process, not a power cut). ``snapshots`` is
a cache: the two newest states, so that a resume reads one of them and the few events after it. Time of day stands
beside the events, never in them.

One process writes (it holds a lock on the run directory); any number may read while it does.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from warploom.archive import snapshots
from warploom.archive.brief import Stretch, briefly, stretch_of
from warploom.archive.conversations import Conversations
from warploom.archive.database import (
    CONVERSATIONS,
    FILE,
    NO_PATIENCE,
    SCHEMA,
    Patience,
    Store,
    claim,
    connect,
    describe_error,
    existing,
    reader,
    slot,
    take_lock,
)
from warploom.archive.encode import (
    event_text,
    events_from,
    pack_evaluation,
    pack_proposal,
    unpack_evaluation,
    unpack_proposal,
)
from warploom.archive.integrity import check, inspect
from warploom.errors import JournalError
from warploom.values.candidate import Proposal
from warploom.values.event import Asked, Declined, Event, Proposed, RunEnded, RunStarted
from warploom.values.job import Occasion
from warploom.values.outcome import Evaluation, Passed

_READ_AT_ONCE = 1000


class Journal:
    """An open journal; see :func:`create`, :func:`reopen` and :func:`read` for how one is had.

    Args:
        folder: the run directory.
        database: an open connection in autocommit mode.
        lock: descriptor of the held lock, None for a reader.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection, lock: int | None) -> None:
        self.folder = folder
        self._store = Store(folder / FILE, database)
        self._lock = lock
        self.conversations = Conversations(self._store)
        """What was said to models, and what it cost."""
        self._next = 1 + int(self._store.one("SELECT COALESCE(MAX(seq), 0) FROM events"))

    # ------------------------------------------------------------ writing

    def append(
        self,
        event: Event,
        *,
        proposal: Proposal | None = None,
        evaluation: Evaluation | None = None,
        occasion: Occasion = "screen",
        elapsed: float = 0.0,
    ) -> int:
        """Commit an event, with the candidate or evaluation it is about, in one transaction; returns its number.

        Args:
            event: what happened.
            proposal: stored under its candidate's id; needed with ``Proposed``.
            evaluation: stored under the event's candidate, unless it was kept before.
            occasion: of the evaluation.
            elapsed: seconds the run has been at work, over all sittings.
        """
        kind, text = event_text(event)
        candidate = getattr(event, "candidate", None)
        with self._store.transaction(flush=not isinstance(event, Asked | Proposed | Declined)) as database:
            if proposal is not None:
                database.execute(
                    "INSERT INTO candidates(id, body) VALUES(?, ?)", (proposal.candidate.id, pack_proposal(proposal))
                )
            if evaluation is not None and candidate is not None:
                self._keep(database, candidate, evaluation, occasion)
            database.execute(
                "INSERT INTO events VALUES(?, ?, ?, ?, ?, ?)", (self._next, kind, candidate, text, elapsed, time.time())
            )
        self._next += 1
        return self._next - 1

    def keep(self, candidate: str, evaluation: Evaluation, occasion: Occasion = "screen") -> None:
        """Make an evaluation durable before its turn comes."""
        with self._store.transaction() as database:
            self._keep(database, candidate, evaluation, occasion)

    def _keep(self, database: sqlite3.Connection, candidate: str, evaluation: Evaluation, occasion: Occasion) -> None:
        key = self._key(candidate)
        if key is None:
            raise JournalError(f"{self.folder}: an evaluation of {candidate}, which was never proposed")
        if isinstance(evaluation, Passed) and (evaluation.mint is None or evaluation.mint.candidate != candidate):
            raise JournalError(f"{self.folder}: an evaluation of {candidate} that no judge minted for it")
        database.execute(
            "INSERT OR IGNORE INTO evaluations VALUES(?, ?)", (slot(key, occasion), pack_evaluation(evaluation))
        )

    def save_snapshot(self, state: dict[str, Any]) -> None:
        """Keep a state as of the newest event, and forget all but the newest two."""
        snapshots.save(self._store, self.length, state)

    # ------------------------------------------------------------ reading

    @property
    def length(self) -> int:
        """Number of events, which is also the number of the newest one."""
        return self._next - 1

    @property
    def elapsed(self) -> float:
        """Seconds the run was at work when its newest event was written."""
        return float(self._store.one("SELECT elapsed FROM events ORDER BY seq DESC LIMIT 1") or 0.0)

    @property
    def started(self) -> RunStarted:
        """The first event."""
        first = next(self.events(most=1), None)
        if not isinstance(first, RunStarted):
            raise JournalError(f"{self.folder / FILE} does not begin with the start of a run")
        return first

    @property
    def ended(self) -> str:
        """Why the run is over; "" while it can go on."""
        last = next(self.events(self.length - 1), None)
        return last.reason if isinstance(last, RunEnded) else ""

    def events(self, after: int = 0, most: int = -1) -> Iterator[Event]:
        """The events after the given number, in order; ``most`` of them where it is given."""
        for batch in self._batches("body", after, most):
            yield from events_from(batch)

    def briefly(self, after: int = 0, most: int = -1) -> Iterator[Stretch | Event]:
        """The same for those who only look, many at a time."""
        for batch in self._batches("CAST(body AS BLOB)", after, most):
            read = briefly([kind for kind, _ in batch], [text for _, text in batch])
            yield from map(stretch_of, self.events(after, len(batch))) if read is None else read
            after += len(batch)

    def _batches(self, text: str, after: int, most: int) -> Iterator[list[tuple[str, Any]]]:
        statement = f"SELECT seq, kind, {text} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        for batch in self._store.batches(_READ_AT_ONCE, statement, after, most):
            if batch[-1][0] == after + len(batch):
                yield [row[1:] for row in batch]
                after += len(batch)
            else:
                whole = [(kind, text) for number, (seq, kind, text) in enumerate(batch, after + 1) if seq == number]
                yield whole
                raise JournalError(f"{self.folder / FILE} is damaged: event {after + len(whole) + 1} is missing")

    def known(self, candidate: str) -> bool:
        """Whether this candidate was proposed in this run."""
        return self._key(candidate) is not None

    def proposal(self, candidate: str) -> Proposal:
        """A candidate whole.

        Raises:
            JournalError: there is no such candidate.
        """
        body = self._store.one("SELECT body FROM candidates WHERE id = ?", candidate)
        if body is None:
            raise JournalError(f"{self.folder} holds no candidate {candidate}")
        return unpack_proposal(body, candidate)

    def evaluation(self, candidate: str, occasion: Occasion = "screen") -> Evaluation | None:
        """An evaluation whole; None when it is not known."""
        key, wanted = self._key(candidate), "SELECT body FROM evaluations WHERE key = ?"
        body = None if key is None else self._store.one(wanted, slot(key, occasion))
        return None if body is None else unpack_evaluation(body, candidate)

    def candidates(self, prefix: str = "") -> Iterator[str]:
        """Ids of the candidates, in alphabetical order; only those that start with these digits."""
        wanted = "SELECT id FROM candidates WHERE id >= ? AND id < ? ORDER BY id"
        yield from (row[0] for row in self._store.rows(wanted, prefix, prefix + "g"))

    def starting_with(self, prefix: str) -> list[str]:
        """At most ten of them."""
        return list(islice(self.candidates(prefix), 10))

    def snapshot(self) -> tuple[int, dict[str, Any]] | None:
        """The newest usable state and the number of the event it stands after."""
        return snapshots.newest(self._store)

    # ------------------------------------------------------------ closing

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._store.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _key(self, candidate: str) -> int | None:
        key = self._store.one("SELECT key FROM candidates WHERE id = ?", candidate)
        return None if key is None else int(key)


def create(folder: Path, started: RunStarted, lock: int | None = None) -> Journal:
    """A new run in this directory, which is made when it is missing.

    Args:
        folder: the run directory.
        started: the first event.
        lock: what :func:`claim` gave for this directory, when it was claimed before.

    Raises:
        JournalError: as :func:`claim`.
    """
    path = folder / FILE
    lock = claim(folder) if lock is None else lock
    try:
        database = connect(path)
        database.executescript("BEGIN;" + SCHEMA + CONVERSATIONS)
        kind, text = event_text(started)
        database.execute("INSERT INTO events VALUES(1, ?, NULL, ?, 0, ?)", (kind, text, time.time()))
        database.execute("COMMIT")
        return Journal(folder, database, lock)
    except sqlite3.Error as error:
        os.close(lock)
        raise JournalError(describe_error(path, error)) from None


def reopen(folder: Path, patience: Patience = NO_PATIENCE, *, thorough: bool = True) -> Journal:
    """An existing run, to go on with: checked and locked.

    Args:
        folder: the run directory.
        patience: how long to wait for another process that is at work on it.
        thorough: check it from end to end; one that this process has checked before need not be.

    Raises:
        JournalError: missing, in use, damaged; the file is left as it is.
    """
    lock = take_lock(existing(folder).parent, patience)
    try:
        inspect(folder, thorough=thorough)
        database = connect(folder / FILE)
        database.executescript(CONVERSATIONS)
        return Journal(folder, database, lock)
    except sqlite3.Error as error:
        os.close(lock)
        raise JournalError(describe_error(folder / FILE, error)) from None
    except BaseException:
        os.close(lock)
        raise


def read(folder: Path) -> Journal:
    """A run to look at, even while another process writes it.

    Raises:
        JournalError: missing or damaged.
    """
    path = existing(folder)
    database = reader(path)
    try:
        check(path, database, thorough=False)
        return Journal(folder, database, None)
    except BaseException:
        database.close()
        raise
