from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import FILE
from warploom.errors import JournalError
from warploom.values.event import RunStarted
from warploom.values.exchange import Exchange, Message, Spending, Usage

STARTED = RunStarted({"problem": "twice"}, {"name": "twice"}, {"cpu": "x"}, "0")


def exchange(number: int, turn: int = 0, model: str = "m", **more: object) -> Exchange:
    messages = (Message("system", "be brief"), Message("user", f"request {number} «\x00»"))
    settings = {"temperature": 0.5, "max_tokens": 100, "effort": "low"}
    usage = Usage(10 * number, 5, 3, 2)
    return Exchange(number, turn, "improve", model, messages, "yes\n", usage=usage, settings=settings, **more)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    with journals.create(folder, STARTED) as journal:
        for number, turn, cost in ((1, 0, 0.5), (2, 0, None), (2, 1, 0.25)):
            journal.conversations.record(exchange(number, turn, cost_usd=cost, logprob=-0.5, seconds=1.5, attempts=2))
    return folder


def test_what_was_said_is_read_back_whole(run: Path) -> None:
    with journals.read(run) as journal:
        said = journal.conversations
        whole = exchange(2, 1, cost_usd=0.25, logprob=-0.5, seconds=1.5, attempts=2)
        assert said.recorded(2, 1) == whole
        assert said.recorded(2, 2) is None
        assert said.find(whole.id) == whole
        assert said.find("0" * 16) is None
        assert [one.turn for one in said.of(2)] == [0, 1]
        assert [(one.number, one.turn) for one in said.all()] == [(1, 0), (2, 0), (2, 1)]
        assert said.spending == Spending(50 + 15, 0.75, 6, 1)
        assert said.by_model() == {"m": said.spending}


def test_spending_goes_on_where_it_stood_and_by_model(run: Path) -> None:
    with journals.reopen(run) as journal:
        journal.conversations.record(exchange(3, model="other", cost_usd=1.0))
        assert journal.conversations.spending == Spending(100, 1.75, 7, 1)
        assert journal.conversations.by_model()["other"] == Spending(35, 1.0, 1, 0)


def test_a_turn_is_recorded_once(run: Path) -> None:
    with journals.reopen(run) as journal:
        with pytest.raises(JournalError, match="UNIQUE"):
            journal.conversations.record(exchange(2, 1))
        assert journal.conversations.spending == Spending(65, 0.75, 6, 1)


def test_a_reservation_is_spent_unless_its_exchange_or_its_release_came(run: Path) -> None:
    with journals.reopen(run) as journal:
        said, most = journal.conversations, Spending(1000, 2.0, 1)
        answered, released, lost = said.reserve(most), said.reserve(most), said.reserve(most)
        said.record(exchange(5, cost_usd=0.5), answered)
        said.release(released)
        assert lost
        assert said.spending == Spending(65 + 55, 1.25, 7, 1), "in this sitting the ledger counts it"
    with journals.reopen(run) as journal:
        assert journal.conversations.spending == Spending(65 + 55 + 1000, 3.25, 8, 1)
        assert journal.conversations.by_model()[""] == Spending(1000, 2.0, 1)


WRITER = """
import os, signal, sys
from pathlib import Path
from warploom.archive import journal as journals
from warploom.values.exchange import Exchange, Message, Spending, Usage
with journals.reopen(Path(sys.argv[1])) as journal:
    journal.conversations.reserve(Spending(7, 0.5, 1))
    journal.conversations.record(Exchange(9, 0, "improve", "m", (Message("user", "x"),), "y", usage=Usage(3, 4)))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_said_and_reserved_outlives_a_kill(run: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITER, str(run)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    with journals.reopen(run) as journal:
        assert journal.conversations.recorded(9, 0) is not None
        assert journal.conversations.spending == Spending(65 + 7 + 7, 1.25, 8, 2)


def test_a_journal_older_than_models_opens_and_learns_to_hold_them(run: Path) -> None:
    with closing(sqlite3.connect(run / FILE)) as database:
        database.executescript("DROP TABLE exchanges; DROP TABLE reservations;")
    with journals.read(run) as journal:
        assert journal.conversations.spending == Spending()
        assert journal.conversations.recorded(1, 0) is None
        assert list(journal.conversations.all()) == []
    with journals.reopen(run) as journal:
        journal.conversations.record(exchange(1))
        assert journal.conversations.recorded(1, 0) == exchange(1)


def test_damage_is_one_clear_line(run: Path) -> None:
    with closing(sqlite3.connect(run / FILE)) as database:
        database.execute("UPDATE exchanges SET body = (SELECT body FROM exchanges WHERE turn = 1) WHERE number = 1")
        database.execute("UPDATE exchanges SET body = x'00' WHERE number = 2 AND turn = 0")
        database.commit()
    with journals.read(run) as journal:
        with pytest.raises(JournalError, match="exchange 1/0 holds another one's text"):
            journal.conversations.recorded(1, 0)
        with pytest.raises(JournalError, match="a stored Exchange is damaged"):
            journal.conversations.recorded(2, 0)


def test_looking_up_does_not_read_the_others(run: Path) -> None:
    with closing(sqlite3.connect(run / FILE)) as database:
        for query in ("number = 1 AND turn = 0", "id = 'x'", "number = 1 ORDER BY turn"):
            plan = database.execute(f"EXPLAIN QUERY PLAN SELECT body FROM exchanges WHERE {query}").fetchall()
            assert all("USING INDEX" in row[3] for row in plan), plan
