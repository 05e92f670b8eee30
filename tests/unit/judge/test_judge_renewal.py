"""New content for timed calls: draws of the same recipe, of which nothing was seen before."""

from __future__ import annotations

import numpy as np
import pytest

from warploom.judge.content.inputs import decode, draw
from warploom.judge.content.layout import STORAGE, Array
from warploom.judge.content.renewal import Source
from warploom.values.problem import RECIPES, Tensor

N = 40_000
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


def contents(recipe: str, tensor: Tensor, times: int = 1, count: int = N) -> list[Array]:
    source = Source(tensor, recipe, count, {"n": count}, np.random.default_rng(5))
    found = []
    for _ in range(times):
        target = np.zeros(count, dtype=STORAGE[tensor.dtype])
        source.fill(target)
        found.append(decode(target, tensor.dtype))
    return found


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "own"])
@pytest.mark.parametrize(
    "tensor",
    [
        *(Tensor("n", dtype) for dtype in STORAGE),
        Tensor("n", positive=True),
        Tensor("n", scale=0.125),
        Tensor("n", "int8", low=-127, high=128),
        Tensor("n", "int32", low=70_000, high=70_010),
        Tensor("n", "int64", low=-5, high="n"),
    ],
    ids=str,
)
def test_renewed_content_is_spread_as_a_draw_is(recipe: str, tensor: Tensor) -> None:
    (own,) = contents(recipe, tensor)
    drawn = decode(draw(tensor, recipe, N, {"n": N}, np.random.default_rng(6)), tensor.dtype)
    own, drawn = own.astype(np.float64), drawn.astype(np.float64)
    if len(np.unique(drawn)) <= 5 and np.isfinite(drawn).all():
        assert all(abs((own == value).mean() - (drawn == value).mean()) < 0.02 for value in np.unique(drawn))
        return
    for special in (np.isnan, np.isposinf, np.isneginf, lambda values: values == 0):
        assert abs(special(own).mean() - special(drawn).mean()) < 0.03
    own, drawn = own[np.isfinite(own)], drawn[np.isfinite(drawn)]
    size = np.abs(drawn).mean() + 1e-30
    for share in QUANTILES:
        wanted = np.quantile(drawn, share)
        assert abs(np.quantile(own, share) - wanted) <= 0.15 * abs(wanted) + 0.1 * size


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe not in ("ties", "zeros", "special", "own")])
def test_no_element_comes_again_up_to_its_sign(recipe: str) -> None:
    """Else a kernel could look up its answers, or half of them, in a table of what it saw before."""
    found = np.abs(np.concatenate(contents(recipe, Tensor("n"), times=8)))
    drawn = np.abs(draw(Tensor("n"), recipe, found.size, {}, np.random.default_rng(6)))
    assert len(np.unique(found)) > 0.95 * len(np.unique(drawn))


@pytest.mark.parametrize("tensor", [Tensor("n", "int8"), Tensor("n", "int64", low=0, high=1000)], ids=str)
def test_integers_come_in_no_order_that_came_before(tensor: Tensor) -> None:
    first, *others = contents("normal", tensor, times=8, count=4096)
    known = {first[start : start + 4].tobytes() for start in range(first.size - 4)}
    for other in others:
        assert not any(other[start : start + 4].tobytes() in known for start in range(other.size - 4))


def test_neighbours_are_independent() -> None:
    (values,) = contents("normal", Tensor("n"))
    for lag in (1, 2, 64, 4096, 1 << 14):
        assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < 0.05
        assert abs(np.corrcoef(np.abs(values[:-lag]), np.abs(values[lag:]))[0, 1]) < 0.05


def test_content_may_be_shorter_than_the_source_was_made_for() -> None:
    source = Source(Tensor("n"), "wide", 100, {"n": 100}, np.random.default_rng(1))
    target = np.full(7, np.nan, dtype=np.float32)
    source.fill(target)
    assert np.isfinite(target).all()
