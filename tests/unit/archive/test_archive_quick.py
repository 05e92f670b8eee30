"""What is read the quick way is what JSON tells, and what that way cannot read is left to JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from warploom.archive import encode, quick
from warploom.archive.encode import event_from, event_text, events_from
from warploom.errors import JournalError
from warploom.values.event import Evaluated, Event, Proposed

PLAIN: list[Event] = [
    Proposed(1, "0123456789abcdef", "moves", "grow:jam", "+ jam(@every)"),
    Evaluated(1, "0123456789abcdef", "passed", "", "", -0.25, 1e-07, (0, 1, 2), 3, "new"),
    Evaluated(2, "fedcba9876543210", "wrong_result", "verify", "it was 3", None, 0.0, None, 0, "failed"),
]
ODD: list[Event] = [
    Proposed(3, "", 'an "agent": one', "tune\n", "faßt × \\ \x00"),
    Evaluated(4, "0", "passed", "", "", math.inf, 0.0, (), 0, "new"),
]


@pytest.fixture
def fresh() -> Iterator[None]:
    quick.quick_reader.cache_clear()
    yield
    quick.quick_reader.cache_clear()


def test_without_msgspec_everything_is_left_to_json(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(quick, "import_module", absent)
    assert quick.quick_reader(Evaluated) is None
    assert list(events_from([event_text(one) for one in PLAIN + ODD])) == PLAIN + ODD


def test_what_comes_with_each_candidate_is_read_without_json(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("msgspec", reason="the extra ui is not installed")
    rows = [event_text(one) for one in PLAIN]
    monkeypatch.setattr(encode, "json", SimpleNamespace(loads=None))
    found = list(events_from(rows))
    assert found == PLAIN
    assert [vars(one) for one in found] == [vars(one) for one in PLAIN]


def test_what_is_odd_is_read_in_its_place(fresh: None) -> None:
    pytest.importorskip("msgspec", reason="the extra ui is not installed")
    mixed = [PLAIN[0], ODD[0], PLAIN[1], ODD[1], PLAIN[2]]
    assert list(events_from([event_text(one) for one in mixed])) == mixed


@pytest.mark.parametrize("change", [{"more": 1}, {"note": None}, {"number": "1"}])
def test_a_field_that_is_not_known_or_missing_is_judged_as_json_does(fresh: None, change: dict[str, object]) -> None:
    pytest.importorskip("msgspec", reason="the extra ui is not installed")
    data = {**json.loads(event_text(PLAIN[0])[1][:-9]), **change}
    text = json.dumps({name: value for name, value in data.items() if value is not None}, separators=(",", ":"))
    row = "Proposed", f"{text}#{encode._checksum('Proposed', text)}"
    if "number" in change:
        assert list(events_from([row])) == [event_from(*row)]
    else:
        with pytest.raises(JournalError, match="damaged"):
            list(events_from([row]))
