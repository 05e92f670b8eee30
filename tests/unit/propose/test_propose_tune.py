import random

import pytest

from warploom.errors import NothingToPropose
from warploom.propose.tune import Point, Space, Tuner, structure_key
from warploom.values.candidate import Scalar, Step

SPACE: Space = {"0.block": (16, 32, 64, 128), "1.width": (8, 16), "2.only": (1,)}
START: Point = {"0.block": 16, "1.width": 8, "2.only": 1}


def _score(point: Point) -> float:
    return -abs(int(point["0.block"]) - 64) / 64 - (point["1.width"] != 16)


def test_every_suggestion_is_new_until_the_space_is_spent() -> None:
    tuner, rng = Tuner(), random.Random(3)
    seen: set[tuple[tuple[str, Scalar], ...]] = {tuple(sorted({k: START[k] for k in ("0.block", "1.width")}.items()))}
    for _ in range(7):
        point = tuner.suggest("s", SPACE, START, rng)
        key = tuple(sorted(point.items()))
        assert key not in seen
        seen.add(key)
        tuner.learn("s", {**START, **point}, _score(point))
    with pytest.raises(NothingToPropose, match="tried"):
        tuner.suggest("s", SPACE, START, rng)


def test_what_was_measured_guides_the_next_suggestion() -> None:
    wide: Space = {"0.a": tuple(range(12)), "0.b": tuple(range(12))}
    start: Point = {"0.a": 0, "0.b": 0}

    def mean_of_later(learning: bool) -> float:
        tuner, total = Tuner(), 0.0
        rng = random.Random(5)
        for trial in range(40):
            point = tuner.suggest("s", wide, start, rng)
            value = -float(abs(int(point["0.a"]) - 9) + abs(int(point["0.b"]) - 9))
            tuner.learn("s", point, value if learning else 0.0)
            total += value if trial >= 20 else 0.0
        return total / 20

    assert mean_of_later(True) > mean_of_later(False) + 1.0


def test_a_failure_counts_as_worse_than_anything_measured() -> None:
    tuner = Tuner()
    tuner.learn("s", {"0.block": 16}, -3.0)
    tuner.learn("s", {"0.block": 32}, None)
    (trials,) = tuner.snapshot().values()
    assert min(trials.values()) < -3.0


def test_a_restored_tuner_suggests_alike() -> None:
    tuner = Tuner()
    rng = random.Random(1)
    for _ in range(5):
        point = tuner.suggest("s", SPACE, START, rng)
        tuner.learn("s", {**START, **point}, _score(point))
    twin = Tuner()
    twin.restore(tuner.snapshot())
    assert tuner.suggest("s", SPACE, START, random.Random(2)) == twin.suggest("s", SPACE, START, random.Random(2))


def test_nothing_to_tune_is_said() -> None:
    with pytest.raises(NothingToPropose, match="choice"):
        Tuner().suggest("s", {"0.only": (1,)}, {"0.only": 1}, random.Random(0))


def test_structures_differ_by_move_and_site_not_by_numbers() -> None:
    first = structure_key("r", [Step("tile", "f:i", (("size", 8),))])
    assert first == structure_key("r", [Step("tile", "f:i", (("size", 64),))])
    assert first != structure_key("r", [Step("tile", "f:j", (("size", 8),))])
    assert first != structure_key("q", [Step("tile", "f:i", (("size", 8),))])
