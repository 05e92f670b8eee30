"""Journals after the disk forgot or changed something: what is read is what was written, or one line says it is not."""

from __future__ import annotations

import atexit
import functools
import random
import shutil
import sqlite3
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import FILE
from warploom.archive.encode import event_from, event_text
from warploom.errors import JournalError
from warploom.testing.damage import damaged
from warploom.testing.fuzz import Target, WrongPass, refused
from warploom.testing.world import World
from warploom.values.event import Event, RunPaused
from warploom.values.outcome import Passed


@dataclass(frozen=True)
class Original:
    """A run as it was written: its files, and what can be read from them."""

    files: dict[str, bytes]
    events: tuple[Event, ...]
    known: dict[str, Any]
    snapshot: Any


@functools.cache
def original(live: bool) -> Original:
    """A synthetic run; a live one has its newest events in SQLite's write-ahead log."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with World(folder).begin(evaluations=20, every=15) as run:
        run.go()
    place = folder / "run"
    with journals.reopen(place) as journal:
        for number in range(3 if live else 0):
            journal.append(RunPaused(f"pause {number}"))
        files = {path.name: path.read_bytes() for path in place.iterdir() if path.name.startswith(FILE)}
    with journals.read(place) as journal:
        ids = list(journal.candidates())
        known = {
            one: (journal.proposal(one), journal.evaluation(one), journal.evaluation(one, "promote")) for one in ids
        }
        return Original(files, tuple(journal.events()), known, journal.snapshot())


@dataclass(frozen=True)
class Damage:
    """What became of the files of a run."""

    live: bool
    files: dict[str, bytes]


def draw_damage(rng: random.Random) -> Damage:
    live = rng.random() < 0.3
    files = dict(original(live).files)
    name = rng.choice([name for name, data in files.items() if data and not name.endswith("-shm")])
    data = files[name]
    match rng.randrange(6):
        case 0:
            files[name] = damaged(rng, data)
        case 1:
            page = 4096 * rng.randrange(1 + len(data) // 4096)
            other = 4096 * rng.randrange(1 + len(data) // 4096)
            files[name] = (
                data[:page]
                + rng.choice((bytes(4096), data[other : other + 4096], rng.randbytes(4096)))
                + data[page + 4096 :]
            )
        case 2:
            files[name] = data[: rng.randrange(len(data))]
        case _:
            found = bytearray(data)
            for _ in range(rng.randint(1, 3)):
                found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
            files[name] = bytes(found)
    if rng.random() < 0.5:
        files = {name: data for name, data in files.items() if not name.endswith("-shm")}
    return Damage(live, files)


def look(folder: Path, before: Original) -> str:
    """Read everything, as viewers and a resume do; nothing that is read may differ from what was written."""
    with journals.read(folder) as journal:
        events = tuple(journal.events())
        if events != before.events[: len(events)]:
            raise WrongPass("an event differs from what was written")
        assert journal.started == before.events[0]
        assert isinstance(journal.ended, str)
        assert isinstance(journal.elapsed, float)
        for one in list(journal.candidates()):
            own = journal.proposal(one), journal.evaluation(one), journal.evaluation(one, "promote")
            if one not in before.known:
                raise WrongPass(f"candidate {one} was never written")
            for found, wanted in zip(own, before.known[one], strict=True):
                if found is not None and found != wanted:
                    raise WrongPass(f"what is known of candidate {one} changed")
        state = journal.snapshot()
        if state is not None and state[0] == before.snapshot[0] and state != before.snapshot:
            raise WrongPass("the newest state changed")
    return "the same" if len(events) == len(before.events) else "shorter"


def check_damage(damage: Damage) -> str:
    before = original(damage.live)
    outcomes = []
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for place, data in damage.files.items():
            (Path(name) / place).write_bytes(data)
        try:
            outcomes.append(look(Path(name), before))
        except JournalError as error:
            outcomes.append(refused(error))
        try:
            with journals.reopen(Path(name)) as journal:
                journal.append(RunPaused("goes on"))
            outcomes.append("goes on")
        except JournalError as error:
            outcomes.append(refused(error))
    return ", ".join(outcomes)


TARGETS = (Target("journals", draw_damage, check_damage, weight=1.5, few=60),)


def test_damaged_journals() -> None:
    found = TARGETS[0].short_run()
    assert set(found) >= {"refused, refused", "the same, goes on"}


def test_a_flipped_letter_of_an_event_is_found() -> None:
    """Found: SQLite keeps no checksums, so a flipped digit of a fitness was believed."""
    kind, text = event_text(RunPaused("why"))
    assert event_from(kind, text) == RunPaused("why")
    assert event_from(kind, text.rpartition("#")[0]) == RunPaused("why"), "older journals have no checksums"
    for place in range(len(text)):
        for bit in range(7):
            changed = text[:place] + chr(ord(text[place]) ^ (1 << bit)) + text[place + 1 :]
            with pytest.raises(JournalError):
                event_from(kind, changed)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evaluations SET body = (SELECT body FROM evaluations WHERE key = 2) WHERE key = 4",
        "UPDATE candidates SET body = (SELECT body FROM candidates WHERE key = 1) WHERE key = 2",
        "DELETE FROM events WHERE seq = 9",
        "UPDATE events SET body = replace(body, '0', '1') WHERE kind = 'Promoted'",
    ],
)
def test_what_was_moved_to_another_place_is_found(statement: str, tmp_path: Path) -> None:
    """Found: an evaluation was believed of whatever candidate it stood beside."""
    before = original(False)
    assert sum(isinstance(evaluation, Passed) for _, evaluation, _ in before.known.values()) > 2
    for name, data in before.files.items():
        (tmp_path / name).write_bytes(data)
    assert look(tmp_path, before) == "the same"
    database = sqlite3.connect(tmp_path / FILE)
    database.execute(statement)
    database.commit()
    database.close()
    with pytest.raises(JournalError, match=r"damaged"):
        look(tmp_path, before)
