"""The SQLite file of a run: where it is, how it is opened, and who may write it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warploom.errors import JournalError
from warploom.values.job import Occasion

FILE = "journal.db"
LOCK = "lock"

POLL_SECONDS = 0.05
"""Between two looks at a lock that another process holds."""

SCHEMA = """
CREATE TABLE events(
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, candidate TEXT, body TEXT NOT NULL, elapsed REAL NOT NULL,
  at REAL NOT NULL);
CREATE TABLE candidates(key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE evaluations(key INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE snapshots(seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
PRAGMA user_version = 1;
"""

CONVERSATIONS = """
CREATE TABLE IF NOT EXISTS exchanges(
  number INTEGER NOT NULL, turn INTEGER NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, tokens INTEGER NOT NULL,
  usd REAL NOT NULL, requests INTEGER NOT NULL, unpriced INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(number, turn));
CREATE INDEX IF NOT EXISTS exchange_ids ON exchanges(id);
CREATE TABLE IF NOT EXISTS reservations(
  key INTEGER PRIMARY KEY, tokens INTEGER NOT NULL, usd REAL NOT NULL, requests INTEGER NOT NULL,
  unpriced INTEGER NOT NULL);
"""
"""Added to journals that are older than models when they are opened for writing."""


def existing(folder: Path) -> Path:
    """The journal of this run directory.

    Raises:
        JournalError: there is none.
    """
    path = folder / FILE
    if not path.is_file():
        what = "does not exist" if not folder.exists() else f"holds no {FILE}"
        raise JournalError(f"no run here: {folder} {what}")
    return path


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes: WAL, and every commit on the disk before it returns."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        "journal_mode=WAL",
        "cache_size=-65536",
        "journal_size_limit=67108864",
        "busy_timeout=10000",
    ):
        database.execute(f"PRAGMA {pragma}").fetchall()
    return database


def reader(path: Path) -> sqlite3.Connection:
    """A connection that never writes to the file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def unborn(path: Path) -> bool:
    """Whether a run was killed here before its first event was durable."""
    try:
        with closing(reader(path)) as database:
            return not database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error:
        return False


@dataclass(frozen=True)
class Patience:
    """How long to wait for a run that another process is at work on.

    Attributes:
        seconds: at most; 0 does not wait.
        waiting: told once that there is something to wait for.
    """

    seconds: float = 0.0
    waiting: Callable[[str], None] = lambda line: None


NO_PATIENCE = Patience()


def take_lock(folder: Path, patience: Patience = NO_PATIENCE) -> int:
    """Lock a run directory for one writer; the lock ends with its process. Returns its descriptor.

    Raises:
        JournalError: another process holds it, or the directory cannot be written.
    """
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise JournalError(f"cannot write in the run directory {folder}: {error.strerror}") from None
    begin, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except OSError:
            if time.monotonic() - begin >= patience.seconds:
                os.close(lock)
                waited = f"; waited {patience.seconds:g} s for it" if patience.seconds else ""
                raise JournalError(f"{folder} is in use by another process{waited}") from None
        except BaseException:
            os.close(lock)
            raise
        if not said:
            patience.waiting(f"{folder} is in use by another process; waiting up to {patience.seconds:g} s for it")
            said = True
        time.sleep(POLL_SECONDS)


def claim(folder: Path) -> int:
    """Make the run directory where it is missing, and lock it; returns the descriptor of the lock.

    Raises:
        JournalError: the directory holds a run already, is in use, or cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(f"cannot make the run directory {folder}: {error.strerror}") from None
    lock = take_lock(folder)
    if path.exists() and path.stat().st_size > 0 and not unborn(path):
        os.close(lock)
        raise JournalError(f"{folder} holds a run already; 'warploom resume {folder}' goes on with it")
    return lock


def slot(key: int, occasion: Occasion) -> int:
    """Where an evaluation of a candidate stands: screening and promotion side by side, a second one below zero."""
    return -key if occasion == "again" else 2 * key + (occasion == "promote")


def describe_error(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> str:
    """What SQLite said about this file, in one line; the second error when it quoted bytes that are no text."""
    if isinstance(error, UnicodeDecodeError):
        return f"{path} is damaged: its text is not UTF-8"
    text = " ".join(str(error).split())
    if "not a database" in text or "malformed" in text:
        return f"{path} is damaged: {text}"
    return f"{path} cannot be used: {text}"


class Store:
    """A journal's file while it is open: transactions and look-ups; every fault is one clear line.

    Args:
        path: of the file.
        connection: to it, in autocommit mode.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @contextmanager
    def transaction(self, *, flush: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction. Without ``flush`` it outlives the process, but not a power cut before the next flush."""
        try:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise JournalError(describe_error(self.path, error)) from None
            raise

    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """The rows of a query."""
        try:
            for row in self._connection.execute(statement, values):  # noqa: UP028 - that closes it once more
                yield row
        except sqlite3.Error as error:
            raise JournalError(describe_error(self.path, error)) from None

    def batches(self, size: int, statement: str, *values: Any) -> Iterator[list[Any]]:
        """The same, so many rows at a time."""
        try:
            found = self._connection.execute(statement, values)
            while batch := found.fetchmany(size):
                yield batch
        except sqlite3.Error as error:
            raise JournalError(describe_error(self.path, error)) from None

    def one(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None when there is none."""
        row = next(self.rows(statement, *values), None)
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
