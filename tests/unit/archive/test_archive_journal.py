from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import FILE
from warploom.archive.integrity import inspect
from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation
from warploom.values.candidate import Lineage, Proposal
from warploom.values.event import Evaluated, Proposed, RunEnded, RunPaused, RunStarted

STARTED = RunStarted({"problem": "twice"}, {"name": "twice"}, {"cpu": "x"}, "0")


def add(journal: Journal, number: int) -> str:
    proposal = Proposal(synthetic_candidate((number % 10, number // 10 % 10, number // 100, 0, 0, 0)), Lineage())
    candidate = proposal.candidate.id
    journal.append(Proposed(number, candidate, "seed", "", ""), proposal=proposal)
    journal.append(
        Evaluated(number, candidate, "passed", "", "", 0.5, 0.1, (0, 0, 0), 0, "new"),
        evaluation=synthetic_evaluation(proposal.candidate),
        elapsed=float(number),
    )
    return candidate


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    with journals.create(folder, STARTED) as journal:
        for number in range(20):
            add(journal, number)
    return folder


def test_what_was_written_is_read_back(run: Path) -> None:
    with journals.reopen(run) as journal:
        events = list(journal.events())
        assert events[0] == STARTED == journal.started
        assert journal.length == len(events) == 41
        assert [event.number for event in events if isinstance(event, Evaluated)] == list(range(20))
        assert journal.elapsed == 19.0
        candidate = synthetic_candidate((3, 0, 0, 0, 0, 0))
        assert journal.known(candidate.id)
        assert not journal.known("0" * 16)
        assert journal.proposal(candidate.id).candidate == candidate
        assert journal.evaluation(candidate.id) == synthetic_evaluation(candidate)
        assert journal.evaluation(candidate.id, "promote") is None
        assert list(journal.events(after=39)) == events[39:]
        assert journal.starting_with(candidate.id[:9]) == [candidate.id]


def test_events_are_read_many_at_a_time_up_to_what_is_missing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_READ_AT_ONCE", 3)
    with journals.reopen(run) as journal:
        before = journal.length
        for word in "abcdefg":
            journal.append(RunPaused(word))
    with journals.read(run) as journal:
        paused = [RunPaused(word) for word in "abcdefg"]
        assert list(journal.events(before)) == paused
        assert list(journal.events(before, 4)) == paused[:4]
        assert list(journal.events(before + 5, 4)) == paused[5:]
    with sqlite3.connect(run / FILE) as database:
        database.execute("DELETE FROM events WHERE seq = ?", (before + 5,))
    with journals.read(run) as journal:
        events = journal.events(before)
        assert [next(events) for _ in range(4)] == paused[:4]
        with pytest.raises(JournalError, match=f"event {before + 5} is missing"):
            next(events)


def test_an_evaluation_kept_early_is_not_stored_twice(run: Path) -> None:
    with journals.reopen(run) as journal:
        proposal = Proposal(synthetic_candidate((9, 9, 9, 9, 9, 9)), Lineage())
        first = synthetic_evaluation(proposal.candidate)
        journal.append(Proposed(20, proposal.candidate.id, "seed", "", ""), proposal=proposal)
        journal.keep(proposal.candidate.id, first)
        journal.keep(proposal.candidate.id, synthetic_evaluation(proposal.candidate, effort="promote"), "promote")
        assert journal.evaluation(proposal.candidate.id) == first
        assert journal.evaluation(proposal.candidate.id, "promote") != first


def test_an_evaluation_of_nothing_is_refused(run: Path) -> None:
    with journals.reopen(run) as journal, pytest.raises(JournalError, match="never proposed"):
        journal.keep("0" * 16, synthetic_evaluation(synthetic_candidate()))


def test_one_writer_many_readers(run: Path) -> None:
    with journals.reopen(run) as journal:
        with pytest.raises(JournalError, match="in use by another process"):
            journals.reopen(run)
        with journals.read(run) as reader:
            assert reader.length == 41
            add(journal, 20)
            assert len(list(reader.events())) == 43
            with pytest.raises(JournalError, match="readonly"):
                reader.append(RunEnded("no"))
    with journals.reopen(run):
        pass


def test_a_run_is_not_overwritten(run: Path) -> None:
    before = (run / FILE).read_bytes()
    with pytest.raises(JournalError, match="holds a run already; 'warploom resume"):
        journals.create(run, STARTED)
    assert (run / FILE).read_bytes() == before


@pytest.mark.parametrize("content", [b"", None])
def test_a_run_killed_before_its_first_event_can_start_again(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        database = sqlite3.connect(tmp_path / FILE)
        database.execute("PRAGMA journal_mode=WAL")
        database.close()
    else:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(JournalError, match="stopped before it began"):
        journals.reopen(tmp_path)
    with journals.create(tmp_path, STARTED) as journal:
        assert journal.length == 1


def test_missing_and_unwritable_directories(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no run here: .*nowhere does not exist"):
        journals.reopen(tmp_path / "nowhere")
    with pytest.raises(JournalError, match=r"holds no journal\.db"):
        journals.read(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot make the run directory"):
        journals.create(tmp_path / "file" / "run", STARTED)


def _damaged(run: Path, how: str) -> None:
    path = run / FILE
    content = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "header":
        path.write_bytes(b"x" * 100 + content[100:])
    elif how == "page":
        content[4096 * 2 : 4096 * 3] = os.urandom(4096)
        path.write_bytes(content)
    elif how == "schema":  # SQLite quotes what it cannot read, byte by byte
        path.write_bytes(content.replace(b"CREATE TABLE", b"CREATE T\xf8BLE"))
    elif how == "text":
        path.write_text("this is no database, but it is long enough to be looked at\n" * 200)


@pytest.mark.parametrize("how", ["cut", "header", "page", "schema", "text"])
def test_damage_is_one_line_and_the_file_is_left_alone(run: Path, how: str) -> None:
    _damaged(run, how)
    before = (run / FILE).read_bytes()
    for use in (journals.reopen, inspect):
        with pytest.raises(JournalError) as raised:
            use(run)
        assert "\n" not in str(raised.value)
        assert str(run / FILE) in str(raised.value)
    assert (run / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM events WHERE seq = 5", "1 of 41 events are missing"),
        ("DELETE FROM events WHERE seq = 1", "events are missing"),
        ("DELETE FROM candidates WHERE key = 3", "is about candidate"),
        ("DELETE FROM evaluations WHERE key = 6", "is about an evaluation"),
        ("INSERT INTO evaluations VALUES(9000, x'00')", "evaluation 9000"),
        ("PRAGMA user_version = 9", "format 9; this Warploom reads format 1"),
        ("DROP TABLE snapshots", "is not a Warploom journal"),
        ("UPDATE events SET kind = 'Asked', body = '{}' WHERE seq = 1", "does not begin with the start"),
        ("UPDATE events SET kind = 'Asked' WHERE seq = 7", "checksum of event 7 does not fit"),
    ],
)
def test_the_tables_must_agree(run: Path, statement: str, says: str) -> None:
    database = sqlite3.connect(run / FILE)
    database.execute(statement)
    database.commit()
    database.close()
    with pytest.raises(JournalError, match=says):
        journals.reopen(run)


def test_snapshots_go_round_and_only_two_are_kept(run: Path) -> None:
    with journals.reopen(run) as journal:
        assert journal.snapshot() is None
        for value in range(4):
            journal.save_snapshot({"value": value, "half": 0.5})
            journal.append(RunPaused("again"))
        assert journal.snapshot() == (44, {"value": 3, "half": 0.5})
    database = sqlite3.connect(run / FILE)
    assert [row[0] for row in database.execute("SELECT seq FROM snapshots")] == [43, 44]
    database.execute("UPDATE snapshots SET body = x'00' WHERE seq = 44")
    database.commit()
    database.close()
    with journals.reopen(run) as journal:
        assert journal.snapshot() == (43, {"value": 2, "half": 0.5})


_WRITER = """
import sys
from pathlib import Path
from warploom.archive import journal as journals
from warploom.values.event import RunPaused
with journals.reopen(Path(sys.argv[1])) as journal:
    for number in range(100000):
        journal.append(RunPaused(str(number)))
        print(number, flush=True)
"""


def test_what_was_committed_survives_a_kill(run: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _WRITER, str(run)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 30:
            process.send_signal(signal.SIGKILL)
            break
    said = 30 + len(process.stdout.read().split())
    process.wait()
    process.stdout.close()
    with journals.reopen(run) as journal:
        reasons = [int(event.reason) for event in journal.events() if isinstance(event, RunPaused)]
        assert reasons == list(range(len(reasons)))
        assert len(reasons) > said
        assert journal.length == 41 + len(reasons)


def _hold(folder: Path, held: object) -> None:
    journal = journals.reopen(folder)
    held.set()  # type: ignore[attr-defined]
    signal.pause()
    journal.close()


def test_the_lock_ends_with_its_process(run: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(run, held))
    process.start()
    assert held.wait(30)
    with pytest.raises(JournalError, match="in use"):
        journals.reopen(run)
    process.kill()
    process.join()
    process.close()
    with journals.reopen(run):
        pass
