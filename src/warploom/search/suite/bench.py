"""``warploom bench``: every problem of a suite in turn. Kill it anywhere and start it again: it goes on.

A benchmark's directory holds ``suite.json`` (what it was started with), ``runs/`` (a run directory a problem) and
``results.jsonl`` (a line a problem, in the order of the suite), which is written anew whenever a problem is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from warploom.archive.database import FILE as JOURNAL
from warploom.archive.database import take_lock
from warploom.errors import ConfigError
from warploom.search.proposers import settle as settle_config
from warploom.search.suite.plan import Plan, recall, settle, write_whole
from warploom.search.suite.row import SETTLED, Row, waiting
from warploom.search.suite.tools import Tools
from warploom.search.suite.turn import RUNS, Turn, Watch
from warploom.values.config import RunConfig

RESULTS = "results.jsonl"

Begin = Callable[[int, Row], None]
"""Told the place of a problem in the suite, from 1, and its line as it was: its turn begins."""

Finish = Callable[[int, Row], None]
"""Told the same when its turn is over."""


@dataclass(frozen=True)
class Results:
    """A benchmark as it stands.

    Attributes:
        folder: its directory.
        plan: what it was started with.
        rows: a line a problem, in the order of the suite.
    """

    folder: Path
    plan: Plan
    rows: tuple[Row, ...]

    @property
    def finished(self) -> bool:
        """Whether every problem had its turn."""
        return all(row.status not in ("waiting", "interrupted") for row in self.rows)


def bench(folder: Path, plan: Plan, tools: Tools, watch: Watch, begin: Begin, finish: Finish) -> Results:
    """Evolve every problem that is not settled yet, until all are done or a run is interrupted.

    Args:
        folder: of the benchmark; made, or gone on with.
        plan: what is wanted.
        tools: what does the work.
        watch: shows how each run goes.
        begin: told when a problem's turn begins.
        finish: told when it is over.

    Raises:
        ConfigError: the directory holds another benchmark, or cannot be written.
        InputError: nothing can be evolved here as it is.
    """
    config = settle_config(RunConfig.from_mapping({"problem": "", **plan.asked}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {folder} cannot be made: {error.strerror}") from None
    lock = take_lock(folder)
    try:
        kept = settle(folder, plan)
        turn = Turn(folder, config, kept.quarantine, tools, watch)
        rows = list(_rows(folder, kept))
        for place, entry in enumerate(kept.entries):
            if _settled(folder, rows[place]):
                continue
            begin(place + 1, rows[place])
            rows[place] = turn.take(entry)
            _write(folder, rows)
            finish(place + 1, rows[place])
            if rows[place].status == "interrupted":
                break
        _write(folder, rows)
        return Results(folder, kept, tuple(rows))
    finally:
        os.close(lock)


def read_results(folder: Path) -> Results:
    """A benchmark as its directory tells it, at work or not.

    Raises:
        ConfigError: there is none, or its results are damaged.
    """
    plan = recall(folder)
    if plan is None:
        raise ConfigError(f"{folder} holds no benchmark: warploom bench SUITE --out {folder} makes one")
    return Results(folder, plan, _rows(folder, plan))


def _rows(folder: Path, plan: Plan) -> tuple[Row, ...]:
    """The line of every problem of the plan."""
    path = folder / RESULTS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    known: dict[str, Row] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = Row.from_plain(json.loads(line))
        except (ValueError, ConfigError) as error:
            raise ConfigError(f"{path}:{number}: {error}; remove the line, and its run is read again") from None
        known[row.id] = row
    return tuple(known.get(entry.id) or waiting(entry) for entry in plan.entries)


def _settled(folder: Path, row: Row) -> bool:
    """Whether nothing is left to do for a problem; one whose run was removed begins anew."""
    if row.status not in SETTLED:
        return False
    return row.status == "quarantined" or (folder / RUNS / row.id / JOURNAL).exists()


def _write(folder: Path, rows: Iterable[Row]) -> None:
    lines = (json.dumps(row.to_plain(), ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_whole(folder / RESULTS, "".join(lines))
