from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from warploom.propose.llm.retry import Patience, retry_after_seconds

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_what_a_header_asks_for(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOON) == seconds


def test_waits_double_and_are_drawn_from_the_whole_range() -> None:
    patience, rng = Patience(first_wait_seconds=1.0, longest_wait_seconds=8.0), random.Random(0)
    for attempt, longest in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (9, 8.0)):
        waits = [patience.wait_seconds(attempt, None, rng) for _ in range(400)]
        assert 0.95 * longest < max(waits) <= longest
        assert min(waits) < 0.05 * longest


def test_no_wait_is_shorter_than_the_server_asks_for() -> None:
    rng = random.Random(0)
    waits = [Patience().wait_seconds(1, 5.0, rng) for _ in range(100)]
    assert min(waits) >= 5.0
    assert max(waits) > min(waits)
