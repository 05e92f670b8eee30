"""The mutation check: with a guard switched off its cheat gets through, so no guard is decoration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from exhibit import Exhibit, caught, load_exhibits
from guards import GUARDS, Guard, switched_off
from judges import Judges, shared_judges

from warploom.values.job import Effort
from warploom.values.outcome import Evaluation, Passed

EXHIBITS = load_exhibits()
SWITCHES = [guard for guard in GUARDS.values() if guard.disable]
ATTEMPTS = 3
"""Evaluations for a cheat to get through: inputs and order of sides are drawn anew each time."""


@pytest.fixture(scope="session")
def judges(judge_cache: Path) -> Iterator[Judges]:
    with shared_judges(judge_cache) as shared:
        yield shared


def named_by(guard: Guard) -> list[Exhibit]:
    return [exhibit for exhibit in EXHIBITS if exhibit.disabled_by == guard.name and not exhibit.missing]


def test_every_exhibit_names_a_guard_and_every_guard_has_an_exhibit() -> None:
    assert {exhibit.disabled_by for exhibit in EXHIBITS} == set(GUARDS)


def test_a_guard_is_switched_off_or_says_why_not() -> None:
    for guard in GUARDS.values():
        assert bool(guard.disable) != bool(guard.reason), guard.name
        assert set(guard.behind) <= set(GUARDS)


def evaluate(judges: Judges, exhibit: Exhibit, off: tuple[str, ...]) -> Evaluation:
    """The last of the exhibit's evaluations in a row, with these guards switched off."""
    effort: Effort = "promote" if exhibit.efforts == ("promote",) else "screen"
    judge = judges.prepare(exhibit)
    with switched_off(off, judge):
        for _ in range(exhibit.runs):
            evaluation = judges.evaluate(exhibit, "cheat", effort)
    return evaluation


@pytest.mark.torch
@pytest.mark.parametrize("guard", SWITCHES, ids=lambda guard: str(guard.name))
def test_without_the_guard_a_cheat_gets_through(guard: Guard, judges: Judges) -> None:
    if guard.prepared:
        with (
            Judges(judges.folder, whole=False) as own,
            switched_off([guard.name], own.judge(named_by(guard)[0])),
        ):
            assert gets_through(own, guard)
    else:
        assert gets_through(judges, guard)


def gets_through(judges: Judges, guard: Guard) -> bool:
    seen = []
    for exhibit in named_by(guard):
        if guard.behind:
            assert caught(evaluate(judges, exhibit, guard.behind)), "the guard before it is enough: this one is idle"
        off = guard.behind if guard.prepared else (*guard.behind, guard.name)
        for _ in range(ATTEMPTS):
            seen.append(evaluate(judges, exhibit, off))
            if isinstance(seen[-1], Passed):
                return True
    pytest.fail(f"without {guard.name!r} no cheat passed:\n" + "\n".join(str(one) for one in seen))
