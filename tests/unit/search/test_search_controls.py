"""A run is steered while it goes: what is sent reaches it, once, and holds over kills and replays."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import FILE as JOURNAL
from warploom.errors import ConfigError, JournalError
from warploom.search.proceedings import Observer
from warploom.search.record import read_record
from warploom.search.state import State
from warploom.search.steering.inbox import FILE, MOST_TEXT, MOST_WAITING, Command, Inbox, send, waiting
from warploom.search.steering.steering import MOST_HINTS, STOPPED
from warploom.testing.chat_server import ChatServer
from warploom.testing.synthetic_model import SyntheticModel
from warploom.testing.world import Killed, World, kill_after
from warploom.values.event import Asked, Evaluated, Event, NotPromoted, Promoted, RunEnded, RunPaused, Steered

Wanted = dict[int, list[Command | Callable[[State], Command]]]


def at(folder: Path, wanted: Wanted, then: Observer | None = None) -> Observer:
    """Sends commands after so many evaluations, as a dashboard would."""

    def observe(event: Event, state: State) -> None:
        if isinstance(event, Evaluated):
            for one in wanted.get(state.evaluations, ()):
                send(folder, one(state) if callable(one) else one)
        if then is not None:
            then(event, state)

    return observe


def the_best(state: State) -> Command:
    best = state.archive.best()
    assert best is not None
    return Command("pin", best.candidate.id)


def steered(events: list[Event]) -> list[Steered]:
    return [event for event in events if isinstance(event, Steered)]


def asked(events: list[Event]) -> list[Asked]:
    return [event for event in events if isinstance(event, Asked)]


# ------------------------------------------------------------ the inbox


def test_what_is_sent_is_taken_once_and_in_order(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, 0)
    assert inbox.take() == []
    assert send(tmp_path, Command("hint", text=" use fewer passes \n")) == 1
    assert send(tmp_path, Command("pause")) == 2
    assert inbox.take() == [(1, Command("hint", text="use fewer passes")), (2, Command("pause"))]
    assert inbox.take() == []
    assert send(tmp_path, Command("stop")) == 3
    assert inbox.take() == [(3, Command("stop"))]
    assert Inbox(tmp_path, 2).take() == [(3, Command("stop"))]
    assert waiting(tmp_path, 2) == [Command("stop")]


def test_a_line_that_is_half_written_is_left_for_later(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, 0)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"name": "pau')
        file.flush()
        assert inbox.take() == []
        file.write('se"}\n')
    assert inbox.take() == [(1, Command("pause"))]


def test_after_a_line_that_was_never_finished_the_next_one_stands_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"name": "pau')
    assert send(tmp_path, Command("stop")) == 2
    (first, second) = Inbox(tmp_path, 0).take()
    assert first == (1, "a line of the inbox is no command")
    assert second == (2, Command("stop"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "is no command"),
        ("[1]", "is no command"),
        ('{"name": "explode"}', "'explode' is no command for a run; known: pause"),
        ('{"name": "hint", "text": 7}', "no text"),
        ('{"text": "x"}', "is no command"),
        ("", "is no command"),
    ],
)
def test_what_cannot_be_read_says_why_and_keeps_its_place(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / FILE).write_text(f'{line}\n{{"name": "stop"}}\n')
    (place, said), after = Inbox(tmp_path, 0).take()
    assert place == 1
    assert isinstance(said, str)
    assert why in said
    assert after == (2, Command("stop"))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Command("explode"), "known: pause, resume, stop, pin, unpin, hint, forget"),
        (Command("hint", text="  "), "needs some words"),
        (Command("hint", text="x" * (MOST_TEXT + 1)), "too long"),
        (Command("pin"), "needs the id"),
    ],
)
def test_what_cannot_be_done_is_not_sent(tmp_path: Path, command: Command, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        send(tmp_path, command)
    assert not (tmp_path / FILE).exists()


def test_a_run_that_takes_nothing_is_not_sent_without_end(tmp_path: Path) -> None:
    for _ in range(MOST_WAITING):
        send(tmp_path, Command("unpin"))
    with pytest.raises(ConfigError, match="100 commands wait already"):
        send(tmp_path, Command("unpin"))
    assert send(tmp_path, Command("unpin"), taken=MOST_WAITING) == MOST_WAITING + 1


def test_an_inbox_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be written"):
        send(tmp_path / "nowhere", Command("stop"))
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="cannot be written"):
        send(tmp_path, Command("stop"))


# ------------------------------------------------------------ a run


def test_a_pause_stops_asking_and_costs_no_time_at_work(world: World) -> None:
    folder, pause = world.root / "run", 0.6

    def resume_later(event: Event, state: State) -> None:
        if isinstance(event, Steered) and event.command == "pause":
            threading.Timer(pause, send, (folder, Command("resume"))).start()

    with world.begin(evaluations=30) as run:
        run.go(at(folder, {10: [Command("pause")]}, resume_later))
    events = world.events()
    paused, resumed = (events.index(one) for one in steered(events))
    assert asked(events[paused:resumed]) == []
    assert sum(isinstance(event, Evaluated) for event in events[paused:]) >= 15
    assert isinstance(events[-1], RunEnded)
    with closing(sqlite3.connect(folder / JOURNAL)) as database:
        rows = database.execute("SELECT elapsed, at FROM events WHERE kind = 'Steered' ORDER BY seq").fetchall()
    assert rows[1][1] - rows[0][1] >= pause
    assert rows[1][0] - rows[0][0] < pause / 2


def test_a_paused_run_can_be_interrupted_and_stopped(world: World) -> None:
    folder = world.root / "run"

    def stop_later(event: Event, state: State) -> None:
        if isinstance(event, Steered) and event.command == "pause":
            threading.Timer(0.3, send, (folder, Command("stop"))).start()

    with world.begin(evaluations=30) as run:
        began = time.monotonic()
        summary = run.go(at(folder, {10: [Command("pause")]}, stop_later))
    assert summary.ended == STOPPED
    assert time.monotonic() - began >= 0.3
    assert not any(isinstance(event, RunPaused) for event in world.events())


def test_stop_ends_the_run_as_a_limit_does(world: World) -> None:
    folder = world.root / "run"
    with world.begin(evaluations=60) as run:
        summary = run.go(at(folder, {12: [Command("stop")]}))
    events = world.events()
    assert summary.finished
    assert summary.best, "the best of what there was is measured again and promoted"
    assert events[-1] == RunEnded(STOPPED)
    assert 12 <= summary.evaluations < 20
    stop = events.index(steered(events)[0])
    assert asked(events[stop:]) == []
    assert any(isinstance(event, Promoted | NotPromoted) for event in events[stop:])
    with world.go_on() as again:
        assert again.go().ended == STOPPED


@pytest.mark.parametrize("strategy", ["islands", "greedy", "random"])
@pytest.mark.parametrize("islands", [1, 3])
def test_a_pinned_parent_is_the_parent_of_all_that_follows(world: World, strategy: str, islands: int) -> None:
    folder = world.root / "run"
    with world.begin(evaluations=50, strategy=strategy, islands=islands) as run:
        run.go(at(folder, {15: [the_best], 30: [Command("unpin")]}))
    events = world.events()
    pin, unpin = steered(events)
    assert pin.member is not None
    before, under, after = (
        [one for one in asked(events) if low <= one.number < high]
        for low, high in ((1, pin.number), (pin.number, unpin.number), (unpin.number, 10**9))
    )
    assert under
    assert {one.parents[0].candidate for one in under} == {pin.member.candidate}
    assert {one.island for one in under} == {pin.member.island}
    assert all(one.pinned for one in under)
    assert all(pin.member.candidate not in [other.candidate for other in one.inspirations] for one in under)
    assert not any(one.pinned for one in before + after)
    assert {one.parents[0].candidate for one in after} != {pin.member.candidate}


def test_only_what_passed_can_be_pinned(world: World) -> None:
    folder = world.root / "run"
    failed: list[str] = []

    def note(event: Event, state: State) -> None:
        if isinstance(event, Evaluated) and event.fitness is None:
            failed.append(event.candidate)

    wanted: Wanted = {25: [lambda state: Command("pin", failed[0]), Command("pin", "0123456789abcdef")]}
    with world.begin(evaluations=30) as run:
        run.go(at(folder, wanted, note))
    first, second = steered(world.events())
    assert "failed, and cannot be a parent" in first.refused
    assert "no candidate 0123456789abcdef" in second.refused
    assert not any(one.pinned for one in asked(world.events()))


def test_one_that_no_island_keeps_any_more_can_be_pinned(world: World) -> None:
    folder = world.root / "run"
    losers: list[str] = []

    def note(event: Event, state: State) -> None:
        if isinstance(event, Evaluated) and event.fitness is not None and state.archive.find(event.candidate) is None:
            losers.append(event.candidate)

    with world.begin(evaluations=50) as run:
        run.go(at(folder, {40: [lambda state: Command("pin", losers[0])]}, note))
    assert {one.parents[0].candidate for one in asked(world.events()) if one.pinned} == {losers[0]}


def test_a_pinned_parent_that_fails_when_it_is_judged_again_is_let_go(world: World) -> None:
    with world.begin(evaluations=5) as run:
        run.go(at(world.root / "run", {4: [the_best]}))
        pinned = run.state.wishes.pinned
        assert pinned is not None
        run.state.apply(NotPromoted("0" * 16, "it crashed"))
        run.state.apply(NotPromoted(pinned.candidate, "it was luck", 0.1, 0.0))
        assert run.state.wishes.pinned == pinned
        run.state.apply(NotPromoted(pinned.candidate, "it crashed"))
        assert run.state.wishes.pinned is None


def test_hints_hold_until_they_are_taken_back(world: World) -> None:
    folder = world.root / "run"
    wanted: Wanted = {
        5: [Command("hint", text="one"), Command("hint", text="two"), Command("hint", text="one")],
        15: [Command("forget", text="one")],
        25: [Command("hint", text="three"), Command("forget")],
    }
    with world.begin(evaluations=35) as run:
        run.go(at(folder, wanted))
    events = world.events()
    numbers = [event.number for event in steered(events)]
    for one in asked(events):
        held: tuple[str, ...] = ("one", "two") if numbers[0] <= one.number < numbers[3] else ()
        held = ("two",) if numbers[3] <= one.number < numbers[4] else held
        assert one.hints == held


def test_there_is_an_end_to_hints(world: World) -> None:
    folder = world.root / "run"
    with world.begin(evaluations=12) as run:
        run.go(at(folder, {5: [Command("hint", text=f"hint {number}") for number in range(MOST_HINTS + 1)]}))
        assert len(run.state.wishes.hints) == MOST_HINTS
    assert "take one back first" in steered(world.events())[-1].refused


def test_a_hint_reaches_the_next_prompts_of_a_model(world: World) -> None:
    with (
        ChatServer(SyntheticModel(numbered=True)) as server,
        world.begin(
            configured="llm", base_url=server.base_url, models=("m,price=1/10",), evaluations=12, in_flight=1
        ) as run,
    ):
        run.go(at(world.root / "run", {5: [Command("hint", text="mind the denormals")]}))
    first = steered(world.events())[0].number
    with journals.read(world.root / "run") as journal:
        told = {one.number: "mind the denormals" in str(one.messages) for one in journal.conversations.all()}
    assert {number: number >= first for number in told} == told
    assert set(told.values()) == {True, False}


# ------------------------------------------------------------ kills, resumes, replays


@pytest.mark.parametrize("every", [3, 500])
def test_what_was_asked_for_holds_over_a_kill_and_is_not_taken_twice(world: World, every: int) -> None:
    folder = world.root / "run"
    kill = kill_after(80)
    with world.begin(evaluations=60, every=every) as run, pytest.raises(Killed):
        run.go(at(folder, {8: [the_best, Command("hint", text="be brief")]}, kill))
    send(folder, Command("pause"))
    send(folder, Command("stop"))
    send(folder, Command("hint", text="while you were away"))
    with world.go_on(every=every) as run:
        summary = run.go()
    assert summary.ended == "60 evaluations done"
    events = world.events()
    assert [(one.command, one.place) for one in steered(events)] == [
        ("pin", 1),
        ("hint", 2),
        ("pause", 3),
        ("stop", 4),
        ("hint", 5),
    ]
    assert [one.refused for one in steered(events)[2:4]] == ["it was sent before this sitting began"] * 2
    last = asked(events)[-1]
    assert last.pinned
    assert last.hints == ("be brief", "while you were away")


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_replay_is_steered_before_the_same_requests(world: World, in_flight: int) -> None:
    with (
        ChatServer(SyntheticModel(numbered=True)) as server,
        world.begin(
            "first",
            configured="llm",
            base_url=server.base_url,
            models=("m,price=1/10",),
            evaluations=24,
            in_flight=in_flight,
        ) as run,
    ):
        wanted: Wanted = {6: [the_best, Command("hint", text="be brief")], 14: [Command("unpin"), Command("pause")]}
        folder = world.root / "first"

        def go_on(event: Event, state: State) -> None:
            if isinstance(event, Steered) and event.command == "pause":
                send(folder, Command("resume"))

        run.go(at(folder, wanted, go_on))
    record = read_record(world.root / "first")
    assert sum(map(len, record.steered.values())) == 3
    with world.begin(
        "second", configured="llm", replay=str(world.root / "first"), evaluations=24, in_flight=in_flight
    ) as again:
        again.go()
    first, second = asked(world.events("first")), asked(world.events("second"))
    assert [(one.pinned, one.hints) for one in second] == [(one.pinned, one.hints) for one in first]
    assert any(one.pinned for one in second)
    assert {one.place for one in steered(world.events("second"))} == {0}
