"""A run that is followed: every fact of it comes from its events, the newest included."""

from __future__ import annotations

import fcntl
import gc
import math
import os
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import LOCK
from warploom.archive.journal import Journal
from warploom.errors import ConfigError
from warploom.report.html.history import History
from warploom.report.ui import at_work as looking
from warploom.report.ui.at_work import at_work
from warploom.report.ui.followed import Followed
from warploom.report.ui.watch import Watch, find_runs
from warploom.search.steering.inbox import Command, send
from warploom.testing.chronicle import Chronicle
from warploom.testing.world import World
from warploom.values.event import Member, RunEnded, RunPaused, RunResumed, Steered


def test_a_history_that_is_read_on_is_the_one_that_is_read_at_once(world: World) -> None:
    halves: list[tuple[Journal, History]] = []
    with world.begin(evaluations=40) as run:

        def look(event: object, state: object) -> None:
            if not halves:
                journal = journals.read(world.root / "run")
                halves.append((journal, History(journal)))

        run.go(look)
    ((journal, history),) = halves
    assert history.read_on(journal) > 0
    assert history.read_on(journal) == 0
    whole = History(journal)
    assert history.judged == whole.judged
    assert history.records == whole.records
    assert history.by_id == whole.by_id
    assert history.seconds == whole.seconds
    assert history.tally.curve == whole.tally.curve
    journal.close()


def test_a_run_tells_how_it_stands(told: Any) -> None:
    run = Followed(told.folder)
    said = run.to_object()
    assert said["judged"] == 6
    assert said["passed"] == 4
    assert said["failures"] == {"wrong_result": 1, "compile_error": 1}
    assert said["best"]["candidate"] == told.best
    assert said["best"]["speedup"]["eager"][0] == pytest.approx(1.8)
    assert said["record"]["speedup"][0] == pytest.approx(2.1)
    assert said["limit"] == 100
    assert said["proposers"] == ["seed", "moves", "llm:big"]
    words = [news[1] for news in said["news"]]
    assert words[0].startswith("not promoted: it was luck")
    assert "promoted at 1.80× the speed of eager" in words
    assert any("2.10× as screened, by improve" in line for line in words)
    assert run.noise_floor == 0.01
    run.journal.close()


def test_what_comes_later_is_taken_in(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        followed = Followed(tmp_path / "run")
        followed.look()
        assert not followed.look()
        run.judged(0.5, parent=seed)
        assert followed.look()
        assert followed.to_object()["judged"] == 2
    followed.journal.close()


def test_a_long_run_is_seen_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.report.ui.followed.SLICE", 10)
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        for number in range(9):
            run.judged(number / 10, parent=seed)
        watch = Watch([tmp_path / "run"])
        known: dict[int, int] = {}
        shares: list[float] = []
        while not shares or not watch.caught_up:
            watch.look()
            shares += [one["read"] for one in watch.changed(known)]
        assert shares == sorted(shares)
        assert 0 < shares[0] < 1
        assert shares[-1] == 1
        assert watch.run(0).history.tally.evaluations == 10
        run.judged(2.0, parent=seed)
        watch.look()
        assert [one["judged"] for one in watch.changed(known)] == [11]
    watch.close()


def test_while_events_are_read_nobody_searches_for_cycles(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps: list[bool] = []
    reading = History.read_on

    def read_on(self: History, journal: Journal, most: int = -1) -> int:
        sweeps.append(gc.isenabled())
        return reading(self, journal, most)

    run = Followed(told.folder)
    monkeypatch.setattr(History, "read_on", read_on)
    run.look()
    assert sweeps == [False]
    assert gc.isenabled()
    run.journal.close()


def test_what_is_known_of_a_long_run_is_gone_through_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.report.ui.followed.SLICE", 10)
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        for number in range(9):
            run.judged(number / 10, parent=seed)
        gc.unfreeze()
        watch = Watch([tmp_path / "run"])
        watch.look()
        assert [one["judged"] for one in watch.changed({})] == [3], "one slice, three events with each candidate"
        watch.look()
        assert [one["judged"] for one in watch.changed({})] == [6], "and another"
        assert gc.get_freeze_count() > 100
        watch.close()
    assert gc.get_freeze_count() == 0


def test_a_history_needs_no_more_of_a_request_than_its_parent(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "events", None)
    with journals.read(told.folder) as journal:
        history = History(journal)
    assert history.by_id[told.best].parent == told.first
    assert history.by_id[told.best].gain == pytest.approx(math.log(2))
    assert list(history.by_id) == [one.candidate for one in history.judged]


def test_steering_is_told(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        member = Member(seed, 0.0, 0.01, (0, 0, 0), 0)
        for event in (
            Steered("pin", 1, 1, member=member),
            Steered("hint", 1, 2, "be brief"),
            Steered("pause", 1, 3),
            Steered("", 1, 4, refused="a line of the inbox is no command"),
        ):
            run.journal.append(event)
        for name in ("stop", "unpin", "pause", "resume", "unpin"):
            send(tmp_path / "run", Command(name))
        followed = Followed(tmp_path / "run")
        said = followed.to_object()
        assert said["pinned"] == seed
        assert said["hints"] == ["be brief"]
        assert said["waiting"] == 1
        assert [news[1] for news in said["news"][:4]] == [
            "not done: a command: a line of the inbox is no command",
            "paused on request; the dashboard goes on with it",
            "hint for the next prompts: be brief",
            f"every request starts from {seed} now",
        ]
        followed.journal.close()


def test_the_state_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    held: list[bool | None] = [True]
    monkeypatch.setattr("warploom.report.ui.followed.at_work", lambda _: held[0])
    monkeypatch.setattr("warploom.report.ui.followed.LOOK_SECONDS", 0.0)
    with Chronicle(folder) as run:
        followed = Followed(folder)

        def state(now: bool | None = True) -> str:
            held[0] = now
            followed.look()
            return followed.state

        assert state() == "at work"
        assert state(None) == "unknown"
        assert state(False) == "left"
        run.journal.append(Steered("pause", 1, 1))
        assert state() == "paused"
        run.journal.append(RunPaused("interrupted by SIGINT"))
        assert state(False) == "interrupted"
        run.journal.append(RunResumed())
        assert state() == "at work"
        run.journal.append(RunEnded("done"))
        assert state() == "ended"
        assert state(False) == "ended"
        followed.journal.close()


def test_whether_somebody_holds_a_run_is_seen_without_touching_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_work(tmp_path) is False
    lock = os.open(tmp_path / LOCK, os.O_RDWR | os.O_CREAT)
    assert at_work(tmp_path) is False
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert at_work(tmp_path) is True
    os.close(lock)
    assert at_work(tmp_path) is False
    monkeypatch.setattr(looking, "LOCKS", tmp_path / "absent")
    assert at_work(tmp_path) is None


def test_a_damaged_journal_is_said_and_the_others_go_on(told: Any) -> None:
    run = Followed(told.folder)
    with journals.reopen(told.folder) as journal:
        journal._store._connection.execute("INSERT INTO events VALUES(99, 'RunEnded', NULL, '{}', 0, 0)")
    assert run.look()
    assert "damaged" in run.to_object()["fault"]
    assert run.to_object()["judged"] == 6
    run.journal.close()


def test_a_journal_that_cannot_be_read_on_is_not_read_ever_again(told: Any) -> None:
    with journals.reopen(told.folder) as journal:
        journal._store._connection.execute("INSERT INTO events VALUES(99, 'RunEnded', NULL, '{}', 0, 0)")
    watch = Watch([told.folder])
    before = watch.caught_up
    watch.look()
    assert (before, watch.caught_up) == (False, True)
    (run,) = watch.changed({})
    assert "event 22 is missing" in run["fault"]
    assert run["read"] < 1
    watch.close()


def test_words_stand_for_runs_and_for_folders_of_runs(tmp_path: Path) -> None:
    for name in ("b", "a"):
        with Chronicle(tmp_path / "runs" / name) as run:
            run.judged(math.log(2))
    assert find_runs([str(tmp_path / "runs" / "b")]) == [tmp_path / "runs" / "b"]
    assert find_runs([str(tmp_path / "runs"), str(tmp_path / "runs" / "a")]) == [
        tmp_path / "runs" / "a",
        tmp_path / "runs" / "b",
    ]
    with pytest.raises(ConfigError, match="does not exist"):
        find_runs([str(tmp_path / "nowhere")])
    with pytest.raises(ConfigError, match="nor does a folder in it"):
        find_runs([str(tmp_path)])


def test_runs_of_one_name_are_told_apart_and_only_what_changed_is_said(tmp_path: Path) -> None:
    folders = [tmp_path / one / "run" for one in ("x", "y")]
    for folder in folders:
        with Chronicle(folder) as run:
            run.judged(0.0)
    watch = Watch(folders)
    known: dict[int, int] = {}
    assert [one["name"] for one in watch.changed(known)] == list(map(str, folders))
    assert watch.changed(known) == []
    with journals.reopen(folders[1]) as journal:
        journal.append(RunEnded("done"))
    watch.look()
    assert [one["number"] for one in watch.changed(known)] == [1]
    assert [one["number"] for one in watch.changed({})] == [0, 1]
    with pytest.raises(ConfigError, match="there is no run 2"):
        watch.run(2)
    watch.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
