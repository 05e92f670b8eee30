"""What one pass computes and another needs: stored, buffered, computed again, folded, hoisted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conftest import Build, call
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.passes import kept
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render

MOVES = {move.name: move for move in kept.MOVES}
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape).astype(np.float32)


SOFTMAX = """extern "C" void softmax(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = x + i * cols;
        float largest = row[0];
        for (int64_t j = 0; j < cols; ++j) {
            largest = std::max(largest, row[j]);
        }
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            const float e = std::exp(row[j] - largest);
            sum += e;
        }
        for (int64_t k = 0; k < cols; ++k) {
            out[i * cols + k] = std::exp(row[k] - largest) / (sum * std::sqrt(largest * largest + 1.0f));
        }
    }
}
"""
NORM = """extern "C" void norm(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += x[i * cols + j];
        }
        const float mean = sum / (float)cols;
        float squares = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            const float d = x[i * cols + j] - mean;
            squares += d * d;
        }
        const float scale = 1.0f / sqrtf(squares / (float)cols + 1e-5f);
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = (x[i * cols + j] - mean) * scale;
        }
    }
}
"""
STORED = """extern "C" void stored(const float* x, float* out, int64_t n, int64_t m) {
    float scores[n];
    const int64_t count = m;
    for (int64_t j = 0; j < n; ++j) {
        const float v = std::exp(x[j]);
        scores[j] = v * 0.5f;
    }
    for (int64_t t = 0; t < n; ++t) {
        out[t] = scores[t] * (float)count;
    }
}
"""
LOSS = """extern "C" void loss(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += std::exp(x[i * cols + j]);
        }
        float other = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            other += std::exp(x[i * cols + j]) / sum * x[i * cols + j];
        }
        out[i] = other;
    }
}
"""
CHANNELS = """extern "C" void channels(const float* x, float* out, int64_t rows, int64_t groups, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t c = 0; c < groups; ++c) {
            float part = 0.0f;
            for (int64_t j = 0; j < cols; ++j) {
                part += x[(i * groups + c) * cols + j];
            }
            sum += part;
        }
        const float mean = sum / (groups * cols);
        float squares = 0.0f;
        for (int64_t c = 0; c < groups; ++c) {
            float part = 0.0f;
            for (int64_t k = 0; k < cols; ++k) {
                part += (x[(i * groups + c) * cols + k] - mean) * (x[(i * groups + c) * cols + k] - mean);
            }
            squares += part;
        }
        out[2 * i] = mean;
        out[2 * i + 1] = squares;
    }
}
"""
SOURCES = {"channels": CHANNELS, "softmax": SOFTMAX, "norm": NORM, "stored": STORED, "loss": LOSS}
CASES: dict[str, list[tuple[Any, ...]]] = {
    "channels": [(numbers(r, g, c) + 9, numbers(r, 2), r, g, c) for r, g, c in ((5, 3, 33), (2, 1, 1), (3, 2, 2))],
    "softmax": [(numbers(r, c), numbers(r, c), r, c) for r, c in ((1, 1), (5, 33), (2, 64))],
    "norm": [(numbers(r, c) + 100, numbers(r, c), r, c) for r, c in ((5, 33), (2, 64), (3, 2))],
    "stored": [(numbers(n), numbers(n), n, 3) for n in (1, 7, 65)],
    "loss": [(numbers(r, c), numbers(r), r, c) for r, c in ((1, 1), (5, 33))],
}
PLACES = [
    ("softmax", "store_to_output", "j2"),
    ("softmax", "cse_to_buffer", "j2"),
    ("softmax", "hoist", "k"),
    ("loss", "cse_to_buffer", "j"),
    ("norm", "fold_pass", "j"),
    ("channels", "fold_pass", "c"),
    ("stored", "recompute", "j"),
]


def test_sites_are_the_places_that_fit() -> None:
    found = [
        (entry, name, site.label.split(":")[1])
        for entry, source in SOURCES.items()
        for name, move in MOVES.items()
        for site in move.sites(parse(source))
    ]
    assert sorted(found) == sorted(PLACES)


@pytest.mark.parametrize(("entry", "name", "variable"), PLACES)
def test_results_stay(
    entry: str, name: str, variable: str, run_both: Callable[..., None], work_of: Callable[..., int]
) -> None:
    unit = parse(SOURCES[entry])
    made = MOVES[name].apply(unit, f"{entry}:{variable}", {})
    text = render(made)
    assert parse(text) == made
    run_both(SOURCES[entry], text, entry, CASES[entry], tolerance=1e-3 if name == "fold_pass" else 2e-5)
    calls = {name: text.count("exp(") for name, text in (("before", SOURCES[entry]), ("after", text))}
    assert calls["after"] <= calls["before"]
    work = [work_of(source, entry, CASES[entry][0]) for source in (SOURCES[entry], text)]
    stores = CASES[entry][0][-2] * CASES[entry][0][-1] if name in ("store_to_output", "cse_to_buffer") else 0
    assert work[1] <= work[0] + stores


def test_store_computes_the_exponential_once() -> None:
    text = render(MOVES["store_to_output"].apply(parse(SOFTMAX), "softmax:j2", {}))
    assert text.count("exp(") == 1
    assert "out[i * cols + k] = out[i * cols + k] /" in text or "out[i * cols + j3] = out[i * cols + j3] /" in text


def test_recompute_undoes_a_store() -> None:
    stored = MOVES["store_to_output"].apply(parse(SOFTMAX), "softmax:j2", {})
    text = render(MOVES["recompute"].apply(stored, "softmax:j2", {}))
    assert text.count("std::exp(") == 2
    assert text.count("out[") == 1


def test_recompute_drops_a_store_that_nothing_reads() -> None:
    text = render(MOVES["recompute"].apply(parse(STORED), "stored:j", {}))
    assert "scores[" not in text.replace("float scores[n];", "")


def test_fold_leaves_two_passes() -> None:
    text = render(MOVES["fold_pass"].apply(parse(NORM), "norm:j", {}))
    assert text.count("for (") == 3
    assert "const float early = x[i * cols + 0]" in text
    assert "const float halfway = x[i * cols + cols / 2]" in text
    assert "const float late = x[i * cols + (cols - 1)]" in text
    strided = render(MOVES["fold_pass"].apply(parse(NORM.replace("++j", "j += 2")), "norm:j", {}))
    assert "const float shift = x[i * cols + 0];" in strided, "the last element may be none of the sum's"


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_folded_sums_keep_their_digits_beside_an_outlier(build: Build, offset: float) -> None:
    """Wherever it lies, also where the shift is taken from."""
    (library,) = build([render(MOVES["fold_pass"].apply(parse(NORM), "norm:j", {}))])
    x = offset + RNG.standard_normal((5, 4097))
    for row, place in enumerate((0, 2048, 4096, 7)):
        x[row, place] += 1e3 + offset
    x = x.astype(np.float32)
    out = call(library, "norm", [x, np.zeros_like(x), *x.shape])[1]
    wide = x.astype(np.float64)
    exact = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-5)
    assert np.abs(out - exact).max() < 2e-5 * np.abs(exact).max()


def test_hoist_takes_what_stays_the_same() -> None:
    text = render(MOVES["hoist"].apply(parse(SOFTMAX), "softmax:k", {}))
    assert "const float fixed = sum * std::sqrt(largest * largest + 1.0f);" in text


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("store_to_output", SOFTMAX.replace("float sum = 0.0f;", "float sum = 0.0f; largest = sum;", 1).replace(
            "sum += e;", "sum += e; largest += 1.0f;")),
        ("store_to_output", SOFTMAX.replace("sum += e;", "sum += e + out[i * cols + j];")),
        ("cse_to_buffer", LOSS.replace("float other = 0.0f;", "asm volatile(\"\");")),
        ("fold_pass", NORM.replace("(float)cols;", "(float)cols + sum;", 1)),
        ("recompute", STORED.replace("const int64_t count = m;", "const int64_t count = m;").replace(
            "out[t] = scores[t]", "out[t] = scores[t + 1]")),
        ("hoist", NORM),
    ],
)  # fmt: skip
def test_declines_what_does_not_fit(name: str, source: str) -> None:
    unit = parse(source)
    assert MOVES[name].sites(unit) == []
    with pytest.raises(NotApplicable):
        MOVES[name].apply(unit, f"{unit.functions[0].name}:j", {})
