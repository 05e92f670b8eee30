"""Sums in strips: the same results, more of their digits, and only where a sum is all that a loop does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conftest import Build, call
from warploom.propose.moves.cpp.book import COMPOSITES
from warploom.propose.moves.cpp.sums.strips import StripSums
from warploom.propose.moves.cpp.vectors.vectorise import Vectorise
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render

MOMENTS = """extern "C" void f(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        double total = 0.0;
        double squares = 1.0;
        for (int64_t j = 0; j < cols; ++j) {
            const float value = x[i * cols + j] - 0.5f;
            total += value;
            squares += value * value;
        }
        out[2 * i] = total / cols;
        out[2 * i + 1] = squares / cols;
    }
}
"""


def strips(text: str = MOMENTS, depth: int = 4096) -> str:
    return render(StripSums().apply(parse(text), "f:j", {"depth": depth}))


def test_results_stay(run_both: Callable[..., None]) -> None:
    rng = np.random.default_rng(5)
    cases = [
        [rng.standard_normal(max(1, rows * cols)).astype(np.float32), np.zeros(2 * rows, np.float32), rows, cols]
        for rows, cols in ((1, 1), (3, 63), (2, 64), (2, 65), (1, 1000))
    ]
    run_both(MOMENTS, strips(depth=64), "f", cases, tolerance=1e-6)


def test_a_long_sum_in_vectors_keeps_its_digits(build: Build) -> None:
    x = (1000 + np.random.default_rng(6).standard_normal(1 << 21)).astype(np.float32)
    exact = np.asarray([(x - np.float32(0.5)).mean(dtype=np.float64)])

    def error(text: str) -> float:
        (library,) = build([render(Vectorise().apply(parse(text), "f:j", {"accumulators": 4}))])
        (found,) = [one for one in call(library, "f", [x, np.zeros(2, np.float32), 1, x.size]) if one.size == 2]
        return float(abs(found[0] - exact[0]) / exact[0])

    assert error(strips()) < 1e-6 < error(MOMENTS)


def test_each_depth_makes_strips_of_its_own() -> None:
    (site,) = StripSums().sites(parse(MOMENTS))
    assert site.label == "f:j"
    assert len({strips(depth=int(depth)) for depth in site.choices["depth"]}) == len(site.choices["depth"])


@pytest.mark.parametrize(
    ("found", "other"),
    [
        ("double total", "float total"),
        ("total += value", "total *= value"),
        ("total += value", "total += value; out[j] = value"),
        ("total += value", "total += squares"),
        ("j < cols", "j < 4096"),
        ("++j", "j += 2"),
        ("total += value", "for (int64_t k = 0; k < 3; ++k) total += value"),
    ],
)
def test_only_sums_of_doubles_of_unknown_length(found: str, other: str) -> None:
    assert found in MOMENTS
    assert StripSums().sites(parse(MOMENTS.replace(found, other))) == []


def test_strips_are_not_cut_again_and_a_recipe_begins_with_them() -> None:
    assert StripSums().sites(parse(strips())) == []
    assert any(pick.move == "strip_sums" and pick.required for made in COMPOSITES for pick in made.picks)
