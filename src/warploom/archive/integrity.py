"""Whether a journal can be trusted: read-only checks that end in one clear line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from warploom.archive.checksum import intact
from warploom.archive.database import describe_error, existing, reader
from warploom.errors import JournalError

VERSION = 1


def inspect(folder: Path, *, thorough: bool = True) -> None:
    """Check a run, from end to end when thorough, even while another process writes it.

    Raises:
        JournalError: missing or damaged; the file is left as it is.
    """
    path = existing(folder)
    with closing(reader(path)) as database:
        check(path, database, thorough=thorough)


def check(path: Path, database: sqlite3.Connection, *, thorough: bool = True) -> None:
    """Read the journal through this connection and judge it.

    Args:
        path: the file, for the message.
        database: a read-only connection to it.
        thorough: also read every page and compare the tables with one another.

    Raises:
        JournalError: it is no journal, damaged, or from another version.
    """
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            raise JournalError(f"{path} is empty: the run was stopped before it began; remove it and start again")
        if not {"events", "candidates", "evaluations", "snapshots"} <= tables:
            raise JournalError(f"{path} is not a Warploom journal")
        if version != VERSION:
            raise JournalError(f"{path} has format {version}; this Warploom reads format {VERSION}")
        if thorough:
            _thorough(path, database)
        first = database.execute("SELECT kind FROM events WHERE seq = 1").fetchone()
        if first is None or first[0] != "RunStarted":
            raise JournalError(f"{path} is damaged: it does not begin with the start of a run")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise JournalError(describe_error(path, error)) from None


def _thorough(path: Path, database: sqlite3.Connection) -> None:
    said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise JournalError(f"{path} is damaged: {' '.join(str(said).split())}")
    count, last = database.execute("SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM events").fetchone()
    if count != last:
        raise JournalError(f"{path} is damaged: {last - count} of {last} events are missing")
    for seq, kind, text in database.execute("SELECT seq, kind, body FROM events ORDER BY seq"):
        if not (isinstance(text, str) and intact(kind, text)):
            raise JournalError(f"{path} is damaged: the checksum of event {seq} does not fit")
    for statement, what in _RULES:
        found = database.execute(statement).fetchone()
        if found is not None:
            raise JournalError(f"{path} is damaged: {what.format(*found)}")


_NO_CANDIDATE = """
SELECT seq, candidate FROM events WHERE kind IN ('Proposed', 'Evaluated', 'Promoted', 'NotPromoted')
AND NOT EXISTS (SELECT 1 FROM candidates WHERE id = candidate) LIMIT 1
"""
_NO_EVALUATION = """
SELECT seq, candidate FROM events WHERE kind = 'Evaluated' AND NOT EXISTS (
  SELECT 1 FROM evaluations WHERE key = 2 * (SELECT key FROM candidates WHERE id = candidate)) LIMIT 1
"""
_NOT_PROPOSED = """
SELECT key, max(-key, key / 2) FROM evaluations e
WHERE NOT EXISTS (SELECT 1 FROM candidates c WHERE c.key = max(-e.key, e.key / 2)) LIMIT 1
"""
_RULES: tuple[tuple[str, str], ...] = (
    (_NO_CANDIDATE, "event {0} is about candidate {1}, which is missing"),
    (_NO_EVALUATION, "event {0} is about an evaluation of candidate {1}, which is missing"),
    (_NOT_PROPOSED, "evaluation {0} is of candidate number {1}, which is missing"),
)
