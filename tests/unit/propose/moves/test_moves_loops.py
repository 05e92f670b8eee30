"""Moves on loops: results stay, no extra work is done, and hopeless places are not offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.loops import reorder
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.query import all_loops
from warploom.syntax.cpp.render import render

MOVES = {move.name: move for move in reorder.MOVES}
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape).astype(np.float32)


MATMUL = """extern "C" void matmul(const float* a, const float* b, float* out, int64_t rows, int64_t inner, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = a + i * inner;
        for (int64_t j = 0; j < cols; ++j) {
            float sum = 0.0f;
            for (int64_t k = 0; k < inner; ++k) {
                sum += row[k] * b[k * cols + j];
            }
            out[i * cols + j] = sum;
        }
    }
}
"""
NORM = """extern "C" void norm(const float* x, const float* w, float* out, int64_t batch, int64_t channels, int64_t pixels) {
    for (int64_t b = 0; b < batch; ++b) {
        for (int p = 0; p < pixels; p++) {
            float sum = 0.0f;
            const float eps = w[0];
            for (int64_t c = 0; c < channels; ++c) {
                const float v = x[(b * channels + c) * pixels + p];
                const float g = w[c];
                sum += v * v * g;
            }
            const float mean = sum / channels;
            const float rms = std::sqrt(mean * mean + eps * eps + 1.0f);
            for (int64_t c = 0; c < channels; ++c) {
                out[(b * channels + c) * pixels + p] = x[(b * channels + c) * pixels + p] / rms;
            }
        }
    }
}
"""
ADD = """extern "C" void add(const float* x, const float* y, float* out, int64_t n, int64_t m) {
    for (int64_t j = 0; j < m; ++j) {
        for (int64_t i = 0; i < n; ++i) {
            out[i * m + j] += x[i * m + j] * y[j];
        }
    }
}
"""
SCAN = """extern "C" void scan(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = x + i * cols;
        float running = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            running += row[j];
            out[i * cols + j] = running;
        }
    }
}
"""
PASSES = """extern "C" void passes(const float* x, float* out, float* also, int64_t n) {
    float sum = 0.0f;
    for (int64_t j = 0; j < n; ++j) {
        sum += x[j];
        out[j] = x[j] * 2.0f;
    }
    float largest = x[0];
    for (int64_t k = 0; k < n; ++k) {
        largest = x[k] > largest ? x[k] : largest;
        also[k] = out[k] + 1.0f;
    }
    also[0] = sum + largest;
}
"""


def shapes(*arrays: Callable[[tuple[int, ...]], Any], sizes: Sequence[tuple[int, ...]]) -> list[tuple[Any, ...]]:
    return [(*(array(size) for array in arrays), *size) for size in sizes]


CASES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "matmul": (
        MATMUL,
        shapes(
            lambda s: numbers(s[0], s[1]), lambda s: numbers(s[1], s[2]), lambda s: numbers(s[0], s[2]),
            sizes=[(1, 1, 1), (5, 7, 9), (33, 3, 70), (4, 8, 16)],
        ),
    ),
    "norm": (
        NORM,
        shapes(
            lambda s: numbers(*s), lambda s: numbers(s[1]), lambda s: numbers(*s),
            sizes=[(1, 1, 1), (2, 5, 67), (3, 4, 256), (1, 3, 300)],
        ),
    ),
    "add": (
        ADD,
        shapes(
            lambda s: numbers(*s), lambda s: numbers(s[1]), lambda s: numbers(*s), sizes=[(1, 1), (9, 35), (70, 66)]
        ),
    ),
    "scan": (SCAN, shapes(lambda s: numbers(*s), lambda s: numbers(*s), sizes=[(1, 1), (4, 9), (11, 8), (3, 40)])),
    "passes": (
        PASSES,
        shapes(lambda s: numbers(*s), lambda s: numbers(*s), lambda s: numbers(*s), sizes=[(1,), (2,), (33,)]),
    ),
}  # fmt: skip


def every_site() -> list[tuple[str, str, str]]:
    return [
        (entry, name, site.label)
        for entry, (source, _) in CASES.items()
        for name, move in MOVES.items()
        for site in move.sites(parse(source))
    ]


@pytest.mark.parametrize(("entry", "name", "label"), every_site())
def test_results_stay_and_work_does_not_grow(
    entry: str, name: str, label: str, run_both: Callable[..., None], work_of: Callable[..., int]
) -> None:
    source, cases = CASES[entry]
    move = MOVES[name]
    unit = parse(source)
    (site,) = [site for site in move.sites(unit) if site.label == label]
    made = move.apply(unit, label, {key: values[0] for key, values in site.choices.items()})
    assert parse(render(made)) == made
    run_both(source, render(made), entry, cases)
    # Sink turns the simple statements of the body into loops of their own: n more assignments for each of them.
    extra = {"norm": 2 * 300 + 300, "matmul": 2 * 4 * 16}.get(entry, 0) if name == "sink" else 0
    assert work_of(render(made), entry, cases[-1]) <= work_of(source, entry, cases[-1]) + extra


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("sink", {"matmul:j", "norm:p", "add:j"}),
        ("interchange", {"add:j", "matmul:i", "norm:b"}),
        ("tile", {"add:i", "norm:p"}),
        ("fuse", {"passes:j"}),
        ("distribute", {"passes:j", "passes:k"}),
        ("unroll", {"matmul:k", "norm:c", "norm:c2", "add:i", "scan:j", "passes:j", "passes:k"}),
        ("jam", {"matmul:i", "matmul:j", "norm:b", "norm:p", "add:j", "scan:i"}),
    ],
)
def test_sites_are_the_places_that_fit(name: str, labels: set[str]) -> None:
    assert {label for _, move, label in every_site() if move == name} == labels


def test_sink_puts_the_contiguous_loop_inside() -> None:
    made = MOVES["sink"].apply(parse(MATMUL), "matmul:j", {"block": 64})
    variables = [[*(loop.variable for loop in found.path), found.loop.variable] for found in all_loops(made)]
    assert ["i", "j_t", "k", "j2"] in variables
    assert "alignas(64) float sum[64];" in render(made)


def test_sink_keeps_what_does_not_change_out_of_the_inner_loop() -> None:
    text = render(MOVES["sink"].apply(parse(NORM), "norm:p", {"block": 64}))
    assert "const float g = w[c];" in text
    assert "const float eps = w[0];" in text
    assert text.count("alignas") == 2  # the sum and the root: v, g, mean and eps stay scalars


def test_jam_shares_the_inner_loop() -> None:
    text = render(MOVES["jam"].apply(parse(SCAN), "scan:i", {"factor": 4}))
    assert "running_3 +=" in text
    assert "i_r" in text


def test_tile_lifts_over_the_nest() -> None:
    made = MOVES["tile"].apply(parse(ADD), "add:i", {"size": 32, "lift": 1})
    assert [found.loop.variable for found in all_loops(made)] == ["i_t", "j", "i"]
    with pytest.raises(NotApplicable, match="no perfect nest of 2"):
        MOVES["tile"].apply(parse(ADD), "add:i", {"size": 32, "lift": 2})


def declined(name: str, body: str, label: str = "f:i", **parameters: int) -> str:
    unit = parse(f"void f(const float* x, float* out, int64_t n) {{ {body} }}")
    assert label not in [site.label for site in MOVES[name].sites(unit)]
    with pytest.raises(NotApplicable) as caught:
        MOVES[name].apply(unit, label, parameters)
    return str(caught.value)


def test_declines_what_does_not_fit() -> None:
    two = "for (int64_t i = 0; i < n; ++i) {{ {} }} for (int64_t j = 0; j < n; ++j) {{ {} }}"
    assert "different elements" in declined("fuse", two.format("out[i] = 1;", "out[j] = out[j + 1] * x[j];"))
    assert "s passes from one" in declined("fuse", f"float s = 0; {two.format('s += x[i];', 'out[j] = s;')}")
    triangle = "for (int64_t i = 0; i < n; ++i) { for (int64_t j = 0; j < i; ++j) { out[i * n + j] = 0; } }"
    assert "depends on i" in declined("interchange", triangle)
    flow = "for (int64_t i = 0; i < n; ++i) { float t = x[i]; out[i] = t; }"
    assert "one half would do nothing" in declined("distribute", flow, cut=1)
    assert "outside the subset" in declined("unroll", "for (int64_t i = 0; i < n; ++i) { if (i) { break; } }", factor=2)
    nest = "for (int64_t i = 0; i < n; ++i) {{ float s = 0; {} for (int64_t k = 0; k < n; ++k) {{ s += x[k * n + i]; }} out[i] = s; }}"
    pragma = nest.format("\n#pragma omp simd reduction(+:s)\n")
    assert "pragma" in declined("jam", pragma, factor=2)
    assert "pragma" in declined("sink", pragma, block=64)
    assert "steps of one" in declined("jam", "for (int64_t i = 0; i < n; i += 2) { out[i] = 0; }", factor=2)
