"""What fitness is called: a speedup is never printed for a score, nor the other way round."""

from __future__ import annotations

import math

import pytest

from warploom.errors import ConfigError
from warploom.values.config import RunConfig
from warploom.values.measure import PROGRAM, SCORE, SPEEDUP, measure_of


def test_a_run_knows_its_measure() -> None:
    assert measure_of({"target": "cpp"}) is measure_of({}) is SPEEDUP
    assert measure_of(RunConfig("openevolve:x", target=PROGRAM).to_mapping()) is SCORE


def test_a_speedup_is_the_exponential_of_fitness() -> None:
    fitness, ends = math.log(2.0), (math.log(1.9), math.log(2.5))
    assert SPEEDUP.value(fitness) == pytest.approx(2.0)
    assert SPEEDUP.interval(fitness, ends) == "2.00× [1.90, 2.50]"
    assert SPEEDUP.margin(fitness, ends) == "2.00× -5 +25 %"
    assert SPEEDUP.margin(fitness, (math.log(1.96), math.log(2.04))) == "2.00× ±2 %"
    assert SPEEDUP.whose(fitness, ends) == "2.00× [1.90, 2.50] the speed of eager"
    assert SPEEDUP.words(fitness) == "2 times the speed of PyTorch eager"
    assert (SPEEDUP.gained(0.0, math.log(1.5)), SPEEDUP.gained(0.0, math.log(14.1))) == ("+50 %", "14.1 times")


def test_a_score_is_printed_as_it_was_given_and_as_nobodys_speed() -> None:
    for score in (0.0, 0.83125, -3.0, 2000.25, -1e9, 1e300):
        assert SCORE.value(SCORE.of(score)) == score
    low, high = SCORE.of(0.83125), SCORE.of(2000.0)
    assert high - low < 8, "scores of any size lie as near as log speedups do"
    ends = (low - 0.1, low + 0.1)
    said = [SCORE.interval(low, ends), SCORE.margin(low, ends), SCORE.whose(low, ends), SCORE.words(SCORE.of(-3.0))]
    assert said == ["0.83125", "0.8313", "score 0.83125", "a score of -3"]
    gained = SCORE.gained(SCORE.of(0.5), SCORE.of(0.75))
    assert gained == "+0.25"
    assert not any(word in " ".join([*said, gained]) for word in ("×", "times", "speed", "%"))
    assert SCORE.least == -math.inf, "a score below 0 may be the best there is"


def test_a_program_has_no_speedup_to_aim_at() -> None:
    with pytest.raises(ConfigError, match="leave out --target-speedup"):
        RunConfig("openevolve:x", target=PROGRAM, target_speedup=2.0)
