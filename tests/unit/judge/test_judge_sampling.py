"""When sampling stops, and what becomes the best."""

from __future__ import annotations

import math
import random

from warploom.judge.promotion import promotes
from warploom.judge.timing.sampling import PROMOTE, SCREEN, Plan, enough
from warploom.values.outcome import Timing
from warploom.values.problem import Workload


def timing(pairs: int, ratio: float = 2.0, noise: float = 0.0, baseline: str = "eager") -> Timing:
    rng = random.Random(1)
    own = tuple(1e6 * math.exp(rng.gauss(0, noise)) for _ in range(pairs))
    return Timing(Workload(n=1), baseline, own, tuple(1e6 * ratio for _ in range(pairs)))


def test_a_tight_interval_ends_it_but_not_before_the_least() -> None:
    assert not enough(timing(4), SCREEN, 0.001)
    assert enough(timing(5), SCREEN, 0.001)
    assert not enough(timing(5, noise=0.5), SCREEN, 0.001)


def test_the_most_ends_it_in_any_case() -> None:
    assert not enough(timing(24, noise=1.0), SCREEN, 0.001)
    assert enough(timing(25, noise=1.0), SCREEN, 0.001)


def test_time_ends_it_before_the_next_pair_would_overrun() -> None:
    assert not enough(timing(6, noise=0.5), SCREEN, 0.10)
    assert enough(timing(6, noise=0.5), SCREEN, 0.13)


def test_a_slow_candidate_gets_few_pairs() -> None:
    assert not enough(timing(3, ratio=0.1, noise=0.5), SCREEN, 0.09)
    assert enough(timing(3, ratio=0.1, noise=0.5), SCREEN, 0.6)
    assert not enough(timing(3, ratio=2.0, noise=0.01), SCREEN, 0.6), "a fast one gets its pairs however long it takes"
    assert not enough(timing(1, ratio=0.001), SCREEN, 30.0)
    assert enough(timing(2, ratio=0.001), SCREEN, 30.0)


def test_out_of_reach_of_the_incumbent_is_told_early() -> None:
    assert enough(timing(3, ratio=1.0, noise=0.02), SCREEN, 0.01, incumbent=math.log(2.0))
    assert not enough(timing(3, ratio=1.0, noise=0.02), SCREEN, 0.01, incumbent=math.log(1.1))
    assert not enough(timing(3, ratio=1.0, noise=0.02), SCREEN, 0.01)


def test_a_promotion_takes_twenty_pairs() -> None:
    assert not enough(timing(19), PROMOTE, 0.01)
    assert enough(timing(20), PROMOTE, 0.01)


def test_every_field_of_a_plan_is_read() -> None:
    plan = Plan(least=2, most=50, seconds=1e9, half_width=10.0, patience_seconds=1e9, few=2)
    assert enough(timing(2, noise=0.5), plan, 0.1)
    assert not enough(timing(2, noise=0.5), Plan(2, 50, 1e9, 0.001, 1e9, 2), 0.1)


def test_promotion_needs_the_lower_end_above_incumbent_and_floor() -> None:
    exact = [timing(20, ratio=2.0)]
    assert promotes(exact, None, 0.01)
    assert promotes(exact, math.log(1.9), 0.01)
    assert not promotes(exact, math.log(2.0), 0.01)
    assert not promotes(exact, math.log(1.99), 0.01)
    assert promotes(exact, math.log(1.99), 0.001)
    assert not promotes([timing(20, ratio=2.0, noise=0.5)], math.log(1.9), 0.01)
    assert not promotes([timing(20, ratio=2.0, baseline="compile")], None, 0.01), "eager is what counts"


def test_side_by_side_decides_where_there_is_such_a_comparison() -> None:
    eager = timing(20, ratio=2.0)
    assert not promotes([eager, timing(20, ratio=1.005, baseline="incumbent")], math.log(1.5), 0.01)
    assert promotes([eager, timing(20, ratio=1.02, baseline="incumbent")], math.log(3.0), 0.01)
