"""Recipes and their storage."""

from __future__ import annotations

import numpy as np
import pytest

from warploom.judge.content.inputs import decode, draw, encode
from warploom.judge.content.layout import STORAGE, Array
from warploom.values.problem import RECIPES, Tensor

N = 20_000


def drawn(recipe: str, tensor: Tensor | None = None, count: int = N, seed: int = 1) -> Array:
    tensor = tensor or Tensor("n")
    return decode(draw(tensor, recipe, count, {"n": count}, np.random.default_rng(seed)), tensor.dtype)


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "own"])
@pytest.mark.parametrize("dtype", sorted(STORAGE))
def test_every_recipe_draws_every_dtype(recipe: str, dtype: str) -> None:
    values = draw(Tensor("n", dtype), recipe, 100, {"n": 100}, np.random.default_rng(3))
    assert values.shape == (100,)
    assert values.dtype == np.dtype(STORAGE[dtype])


def test_the_seed_decides_and_nothing_else() -> None:
    assert np.array_equal(drawn("wide"), drawn("wide"))
    assert not np.array_equal(drawn("wide"), drawn("wide", seed=2))


def test_recipes_have_their_character() -> None:
    assert abs(drawn("normal").mean()) < 0.05
    assert 0.9 < drawn("normal").std() < 1.1
    wide = np.abs(drawn("wide"))
    assert np.quantile(wide, 0.9) / np.quantile(wide, 0.1) > 1e3
    assert 99 < drawn("offset").mean() < 101
    assert -101 < drawn("below").mean() < -99
    assert drawn("below").max() < -90
    assert 0.003 < (np.abs(drawn("spikes")) > 30).mean() < 0.03
    assert len(np.unique(drawn("ties"))) == 5
    assert np.abs(drawn("tiny")).max() < 0.01
    assert np.abs(drawn("large")).max() > 1000
    assert not drawn("zeros").any()


def test_special_holds_every_odd_value_even_in_a_small_tensor() -> None:
    values = drawn("special", count=64)
    assert np.isnan(values).any()
    assert (values == np.inf).any()
    assert (values == -np.inf).any()
    assert ((values != 0) & (np.abs(values) < 1e-38)).any()
    assert np.isfinite(values).mean() > 0.8


def test_scale_and_positive_are_heard() -> None:
    assert drawn("normal", Tensor("n", positive=True)).min() >= 0
    assert drawn("normal", Tensor("n", scale=0.01)).std() < 0.02


def test_integers_keep_their_range_and_know_the_axes() -> None:
    values = drawn("normal", Tensor("n", "int64", low=0, high="n"), count=50)
    assert values.min() >= 0
    assert values.max() < 50
    assert set(drawn("normal", Tensor("n", "bool"))) == {0, 1}
    assert drawn("normal", Tensor("n", "int8", low=-127, high=128)).min() == -127


def test_sixteen_bit_floats_go_there_and_back() -> None:
    values = np.array([1.0, -2.5, 0.0, np.inf, -np.inf, np.nan, 3.140625], dtype=np.float32)
    for dtype in ("float16", "bfloat16"):
        assert np.array_equal(decode(encode(values, dtype), dtype), values, equal_nan=True)
    # Ties go to even: 1 + 2^-8 lies between two bfloat16 numbers.
    tie = np.array([1 + 2**-8, 1 + 3 * 2**-8], dtype=np.float32)
    assert decode(encode(tie, "bfloat16"), "bfloat16").tolist() == [1.0, 1 + 2**-6]
