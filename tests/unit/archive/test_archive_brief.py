"""What is read for those who look is what is written, and what cannot be read so is read with care."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import brief, journal
from warploom.archive.brief import Stretch, briefly
from warploom.archive.checksum import all_opened, intact, sealed
from warploom.archive.encode import event_text
from warploom.errors import JournalError
from warploom.values.event import Asked, Declined, Evaluated, Event, Member, Proposed, RunPaused, RunStarted

MEMBERS = tuple(
    Member(f"{number:016x}", number + 0.5, 0.01, (0, 1, 2), 1, (number + 0.4, number + 0.8)) for number in range(3)
)
EVALUATED = Evaluated(1, "0123456789abcdef", "passed", "", "", -0.25, 1e-07, (0, 1, 2), 3, "new", (-0.5, 0.5))
WRITTEN: list[Event] = [
    Asked(1, 'a "move"', MEMBERS[:2], MEMBERS, (0, 0, 0), 0, 5, 0.5, outside=True, hints=('"number":7', "faßt \\")),
    Asked(2, "grow", (), (), None, 0, 5, 0.5),
    Proposed(1, "0123456789abcdef", "an agent", "tune", '+ "jam"\n(@every) × \\'),
    Declined(2, "duplicate"),
    EVALUATED,
    Evaluated(3, "fedcba9876543210", "wrong_result", "verify", "it was 3", None, 0.0, None, 0, "failed"),
]


def rows(events: list[Event]) -> tuple[list[str], list[bytes]]:
    texts = [event_text(event) for event in events]
    return [kind for kind, _ in texts], [text.encode() for _, text in texts]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[journal.Journal]:
    with journal.create(tmp_path / "run", RunStarted({}, {})) as opened:
        yield opened


def write(run: journal.Journal, rows_: list[tuple[str, str]]) -> None:
    """Put rows behind the first event as somebody else might have."""
    with closing(sqlite3.connect(run.folder / "journal.db")) as database, database:
        for kind, text in rows_:
            database.execute("INSERT INTO events(kind, body, elapsed, at) VALUES(?, ?, 0, 0)", (kind, text))


def test_what_comes_with_candidates_is_read_by_the_stretch() -> None:
    found = briefly(*rows(WRITTEN))
    assert found is not None
    first, declined, last = found
    assert isinstance(first, Stretch)
    assert isinstance(last, Stretch)
    assert [(one.number, one.outside, len(one.parents)) for one in first.asked] == [(1, True, 2), (2, False, 0)]
    parent = first.asked[0].parents[0]
    assert (parent.candidate, parent.fitness, parent.spread, parent.cell) == (f"{0:016x}", 0.5, 0.01, (0, 1, 2))
    assert parent.ends == (0.4, 0.8)
    assert [one.ends for one in (*first.evaluated, *last.evaluated)] == [(-0.5, 0.5), None]
    assert first.proposed[0].note == '+ "jam"\n(@every) × \\'
    assert (first.length, last.length) == (3, 2)
    assert declined == Declined(2, "duplicate")
    assert [(one.fitness, one.cell, one.status) for one in last.evaluated] == [
        (-0.25, (0, 1, 2), "new"),
        (None, None, "failed"),
    ]


def test_it_is_read_without_json(run: journal.Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a long run is read as slowly as before, and nobody notices."""
    write(run, [event_text(one) for one in WRITTEN if not isinstance(one, Declined)])
    monkeypatch.setattr(brief, "event_from", None)
    monkeypatch.setattr(journal, "events_from", None)
    (found,) = run.briefly(1)
    assert isinstance(found, Stretch)
    assert found.length == 5


def test_nothing_is_read_of_nothing() -> None:
    assert briefly([], []) == []
    assert all_opened([], []) == []


def changed(change: Callable[[dict[str, Any]], Any]) -> tuple[str, str]:
    """How a candidate was proposed, with something changed and a checksum that fits."""
    kind, text = event_text(WRITTEN[2])
    data = json.loads(text[:-9])
    change(data)
    return kind, sealed(kind, json.dumps(data, separators=(",", ":"), sort_keys=True))


@pytest.mark.parametrize("change", [lambda data: data.update(more=1), lambda data: data.pop("note")])
def test_a_field_that_is_unknown_or_missing_is_told(
    run: journal.Journal, change: Callable[[dict[str, Any]], Any]
) -> None:
    write(run, [event_text(RunPaused("a")), changed(change)])
    found = run.briefly(1)
    assert next(found) == RunPaused("a")
    with pytest.raises(JournalError, match="an event of kind Proposed is damaged"):
        next(found)


def test_what_msgspec_cannot_read_is_read_with_care(run: journal.Journal) -> None:
    odd = [changed(lambda data: data.update(note="\ud800")), event_text(replace(EVALUATED, fitness=math.inf))]
    for kind, text in odd:
        assert briefly([kind], [text.encode()]) is None
    write(run, [event_text(WRITTEN[0]), *odd])
    parts = [part for part in run.briefly(1) if isinstance(part, Stretch)]
    proposed, evaluated = parts[1].proposed[0], parts[2].evaluated[0]
    assert proposed.note == "\ud800"
    assert evaluated.fitness == math.inf


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text.replace(b"tune", b"tine"),
        lambda text: text[:-1] + (b"0" if text[-1:] != b"0" else b"1"),
        lambda text: text[:-9] + b"!" + text[-8:],
        lambda text: text[:-9],
        lambda text: b"",
        lambda text: text[:-8] + b"????????",
    ],
)
def test_a_checksum_that_does_not_fit_is_left_to_care(harm: Callable[[bytes], bytes]) -> None:
    kinds, texts = rows(WRITTEN)
    texts[2] = harm(texts[2])
    assert briefly(kinds, texts) is None


def test_the_kind_is_under_the_checksum() -> None:
    kinds, texts = rows([RunPaused("a")])
    assert briefly(kinds, texts) == [RunPaused("a")]
    assert briefly(["RunEnded"], texts) is None
    assert intact("RunPaused", texts[0].decode())
    assert not intact("RunEnded", texts[0].decode())


def test_a_damaged_event_is_told_after_those_before_it(run: journal.Journal) -> None:
    texts = [event_text(RunPaused(word)) for word in "abc"] + [event_text(WRITTEN[1])]
    texts[2] = texts[2][0], texts[2][1].replace('"c"', '"x"')
    write(run, texts)
    found = run.briefly(1)
    assert [next(found), next(found)] == [RunPaused("a"), RunPaused("b")]
    with pytest.raises(JournalError, match="RunPaused is damaged: its checksum does not fit"):
        next(found)


def test_events_without_a_checksum_are_read_as_older_journals_hold_them(run: journal.Journal) -> None:
    write(run, [(kind, text[:-9]) for kind, text in map(event_text, WRITTEN)])
    found = list(run.briefly(1))
    assert [type(part) for part in found] == [Stretch, Stretch, Stretch, Declined, Stretch, Stretch]
    assert [one for part in found if isinstance(part, Stretch) for those in part for one in those] == [
        one for one in WRITTEN if not isinstance(one, Declined)
    ]


def test_slices_fit_together(run: journal.Journal) -> None:
    write(run, list(map(event_text, WRITTEN)) * 700)
    sizes = [
        sum(part.length if isinstance(part, Stretch) else 1 for part in run.briefly(after, 1300))
        for after in (0, 1300, 3900)
    ]
    assert sizes == [1300, 1300, 301]
    assert sum(part.length if isinstance(part, Stretch) else 1 for part in run.briefly()) == 4201


def test_a_gap_is_told(run: journal.Journal) -> None:
    write(run, list(map(event_text, WRITTEN)))
    with closing(sqlite3.connect(run.folder / "journal.db")) as database, database:
        database.execute("DELETE FROM events WHERE seq = 5")
    with pytest.raises(JournalError, match="event 5 is missing"):
        list(run.briefly())
