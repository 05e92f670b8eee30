from __future__ import annotations

import math
import time
from typing import Any

import pytest

from warploom.search.budget import Standing, progress, stoppers, time_is_up, why_over
from warploom.search.executor import LocalExecutor
from warploom.testing.synthetic import SyntheticJudge
from warploom.testing.world import World
from warploom.values.config import RunConfig
from warploom.values.exchange import Spending


def over(standing: Standing, **limits: Any) -> str | None:
    return why_over(stoppers(RunConfig("twice", **limits)), standing)


def spent(**amounts: Any) -> Standing:
    return Standing(1, spending=Spending(**amounts))


@pytest.mark.parametrize(
    ("limits", "before", "at", "says"),
    [
        ({"evaluations": 5}, Standing(4), Standing(5), "5 evaluations done"),
        ({"minutes": 2}, Standing(1, elapsed=119), Standing(1, elapsed=120), "2 minutes are over"),
        ({"patience": 9}, Standing(20, since_better=8), Standing(20, since_better=9), "no better candidate in 9"),
        (
            {"target_speedup": 3},
            Standing(1, promoted=math.log(2.9)),
            Standing(1, promoted=math.log(3.1)),
            "reached 3× over eager",
        ),
        ({"max_tokens_total": 9}, spent(tokens=8), spent(tokens=9), "the cap of 9 tokens is reached"),
        ({"max_usd": 0.5}, spent(usd=0.4), spent(usd=0.5), "the cap of $0.5 is reached"),
        ({"max_requests": 3}, spent(requests=2), spent(requests=3), "the cap of 3 requests is reached"),
        ({"target_roofline": 0.8}, Standing(1, roofline=0.7), Standing(1, roofline=0.81), "80% of the roofline"),
    ],
)
def test_each_limit(limits: dict[str, Any], before: Standing, at: Standing, says: str) -> None:
    assert over(before, **limits) is None
    assert says in (over(at, **limits) or "")


def test_limits_add_up_and_the_first_to_be_reached_ends_the_run() -> None:
    assert "minutes" in (over(Standing(10, elapsed=61), minutes=1, patience=50) or "")
    assert over(Standing(10, elapsed=59), minutes=1, patience=50) is None


def test_progress_is_that_of_the_tightest_budget() -> None:
    limits = stoppers(RunConfig("twice", evaluations=100, minutes=1, patience=5, target_speedup=2))
    assert progress(limits, Standing(10, elapsed=30)) == 0.5
    assert progress(limits, Standing(70, elapsed=30)) == 0.7
    assert progress(limits, Standing(500, elapsed=900)) == 1.0


def test_time_is_up_only_when_it_is_the_time() -> None:
    limits = stoppers(RunConfig("twice", evaluations=5, minutes=1))
    assert not time_is_up(limits, Standing(5, elapsed=10))
    assert time_is_up(limits, Standing(5, elapsed=60))


def test_a_run_stops_at_its_target(world: World) -> None:
    with world.begin(target_speedup=2.0, evaluations=500) as run:
        summary = run.go()
    assert summary.ended == "reached 2× over eager"
    assert summary.evaluations < 300
    assert summary.speedup["eager"][0] >= 2.0


def test_a_run_stops_when_nothing_gets_better(world: World) -> None:
    with world.begin(patience=12, evaluations=2000) as run:
        summary = run.go()
    assert summary.ended == "no better candidate in 12 evaluations"


def test_a_run_stops_in_time_over_all_sittings(world: World) -> None:
    judge = SyntheticJudge(seconds=lambda job: 0.02)
    began = time.monotonic()
    with world.begin(minutes=0.01, evaluations=5000, executor=LocalExecutor(judge)) as run:
        summary = run.go()
    assert summary.ended == "0.01 minutes are over"
    assert time.monotonic() - began < 20
