"""The zoo: every cheat is caught in the way foretold, every honest look-alike passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from exhibit import Exhibit, load_exhibits
from judges import Judges, shared_judges

from warploom.values.job import Effort
from warploom.values.outcome import Passed

pytestmark = pytest.mark.torch

# Exhibits of one problem one after another: they share a judge.
CASES: list[tuple[Exhibit, Effort]] = [
    (exhibit, "promote" if effort == "promote" else "screen")
    for exhibit in sorted(load_exhibits(), key=lambda one: (one.problem, one.name))
    for effort in exhibit.efforts
]
NAMES = [exhibit.name if effort == "screen" else f"{exhibit.name}-{effort}" for exhibit, effort in CASES]


@pytest.fixture(scope="session")
def judges(judge_cache: Path) -> Iterator[Judges]:
    with shared_judges(judge_cache) as shared:
        yield shared


@pytest.mark.parametrize(("exhibit", "effort"), CASES, ids=NAMES)
def test_the_cheat_is_caught(judges: Judges, exhibit: Exhibit, effort: Effort) -> None:
    if exhibit.missing:
        pytest.skip(exhibit.missing)
    for _ in range(exhibit.runs):
        evaluation = judges.evaluate(exhibit, "cheat", effort)
        assert exhibit.escaped(evaluation) == ""


@pytest.mark.parametrize(("exhibit", "effort"), CASES, ids=NAMES)
def test_the_honest_look_alike_passes(judges: Judges, exhibit: Exhibit, effort: Effort) -> None:
    evaluation = judges.evaluate(exhibit, "honest", effort)
    assert isinstance(evaluation, Passed), evaluation
