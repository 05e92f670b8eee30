"""Lists of candidates: every filter and order, and pages that fit together while new candidates come."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from warploom.archive.journal import read
from warploom.errors import ConfigError
from warploom.report.html.history import History
from warploom.report.ui.listing import MOST_ROWS, REMEMBERED, Filter, Listing
from warploom.testing.chronicle import Chronicle


def places(listing: Listing, **wanted: Any) -> list[int]:
    return [row["place"] for row in listing.page(Filter(**wanted), 0, 100)["rows"]]


@pytest.fixture
def listing(told: Any) -> Listing:
    with read(told.folder) as journal:
        return Listing(History(journal))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"order": "oldest"}, [1, 2, 3, 4, 5, 6]),
        ({"order": "fastest"}, [6, 4, 2, 1, 3, 5]),
        ({"show": "passed"}, [6, 4, 2, 1]),
        ({"show": "failed"}, [5, 3]),
        ({"show": "compile_error"}, [5]),
        ({"show": "records", "order": "oldest"}, [1, 2, 4, 6]),
        ({"show": "again"}, [6, 4]),
        ({"show": "faster"}, [6, 4, 2]),
        ({"by": "llm:big"}, [6]),
        ({"text": "VECTOR"}, [2]),
        ({"text": "nothing of the kind"}, []),
        ({"until": 3}, [3, 2, 1]),
        ({"show": "passed", "until": 3}, [2, 1]),
    ],
)
def test_each_filter_and_each_order(listing: Listing, wanted: dict[str, Any], found: list[int]) -> None:
    assert places(listing, **wanted) == found


def test_a_row_says_what_came_of_a_candidate(listing: Listing, told: Any) -> None:
    last, *_, failed, _, _ = listing.page(Filter(), 0, 100)["rows"]
    assert last["held"] is False
    assert last["speed"] == pytest.approx(2.1)
    assert last["gain"] == pytest.approx(4.2)
    assert (failed["id"], failed["speed"], failed["outcome"]) == (told.failed, None, "wrong_result")
    assert listing.page(Filter(text=told.best[:9]), 0, 9)["rows"][0]["held"] is True


def test_pages_of_a_list_fit_together_while_candidates_come(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        for number in range(9):
            run.judged(number / 10, parent=seed)
        with read(tmp_path / "run") as journal:
            history = History(journal)
            listing = Listing(history)
            for order in ("newest", "fastest"):
                first = listing.page(Filter(order=order), 0, 4)
                run.judged(5.0, parent=seed)
                history.read_on(journal)
                second = listing.page(Filter(order=order, until=first["until"]), 4, 4)
                assert second["total"] == first["total"]
                shown = [row["place"] for row in first["rows"] + second["rows"]]
                assert len(set(shown)) == 8
                assert max(shown) == first["until"]


def test_a_page_has_an_end(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run", evaluations=1000) as run:
        run.judged(math.log(2))
    with read(tmp_path / "run") as journal:
        history = History(journal)
    history.judged *= MOST_ROWS + 5
    listing = Listing(history)
    assert len(listing.page(Filter(), 0, 10**9)["rows"]) == MOST_ROWS
    for number in range(REMEMBERED + 5):
        listing.page(Filter(text=f"{number}"), 0, 1)
    assert len(listing._ordered) == REMEMBERED


@pytest.mark.parametrize("wanted", [{"order": "sideways"}, {"show": "nonsense"}])
def test_a_list_that_there_is_not_says_which_there_are(listing: Listing, wanted: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="known: "):
        places(listing, **wanted)
