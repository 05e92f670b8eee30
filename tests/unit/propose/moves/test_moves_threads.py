"""Parallel: outlining, private scratch, accumulators, and what it declines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.threads.parallel import MOVES
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render

(PARALLEL,) = MOVES
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape).astype(np.float32)


ROWS = """extern "C" void rows(const float* x, float* out, int64_t rows, int64_t cols) {
    float scratch[64];
    float largest;
    std::vector<float> wide(cols);
    const float scale = 2.0f;
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = x + i * cols;
        largest = row[0];
        for (int64_t j = 0; j < cols; ++j) {
            largest = std::max(largest, row[j]);
            scratch[j % 64] = row[j];
            wide[j] = row[j] * scale;
        }
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = largest * wide[j] + scratch[j % 64];
        }
    }
}
"""
TOTAL = """extern "C" void total(const float* x, float* out, int64_t n) {
    float sum = 1.0f;
    float largest = x[0];
    for (int64_t i = 0; i < n; ++i) {
        const float v = x[i] * 0.5f;
        sum += v * v;
        largest = std::max(largest, v);
    }
    out[0] = sum;
    out[1] = largest;
}
"""
FLAT = """extern "C" void flat(const float* x, float* out, int64_t n, int64_t m) {
    const int64_t count = n * m;
    for (int64_t i = 3; i <= count - 1; i += 4) {
        out[i] = x[i] + 1.0f;
    }
}
"""
PAIRS = """extern "C" void pairs(const float* x, float* out, int64_t n, int64_t m, int64_t k) {
    for (int64_t a = 1; a < n; a += 2) {
        const float* base = x + a * m * k;
        for (int64_t b = 0; b < m; ++b) {
            float s = 0.0f;
            for (int64_t c = 0; c < k; ++c) {
                s += base[b * k + c];
            }
            out[a * m + b] = s;
        }
    }
}
"""
CASES: dict[str, tuple[str, list[Sequence[Any]]]] = {
    "rows": (ROWS, [(numbers(r, c), numbers(r, c), r, c) for r, c in ((1, 1), (5, 33), (70, 64), (2, 7))]),
    "total": (TOTAL, [(numbers(n), numbers(2), n) for n in (1, 2, 63, 64, 65, 1000)]),
    "flat": (FLAT, [(numbers(n, m), numbers(n, m), n, m) for n, m in ((1, 1), (1, 4), (9, 77))]),
    "pairs": (PAIRS, [(numbers(n, m, k), numbers(n, m), n, m, k) for n, m, k in ((1, 1, 1), (6, 5, 3), (7, 2, 9))]),
}


@pytest.mark.parametrize("entry", CASES)
def test_results_stay(entry: str, run_both: Callable[..., None], work_of: Callable[..., int]) -> None:
    source, cases = CASES[entry]
    unit = parse(source)
    (site, *_) = PARALLEL.sites(unit)
    for parts in site.choices["parts"]:
        for collapse in site.choices.get("collapse", (1,)):
            made = PARALLEL.apply(unit, site.label, {"parts": parts, "collapse": collapse})
            assert parse(render(made)) == made
            text = render(made)
            assert "#pragma omp parallel for" in text
            assert "__restrict__" in text
            run_both(source, text, entry, cases)
            extra = sum("_parts[" in line for line in text.splitlines()) * 64 * 16
            assert work_of(text, entry, cases[-1]) <= work_of(source, entry, cases[-1]) + extra


def test_collapse_is_offered_for_nests() -> None:
    (site,) = PARALLEL.sites(parse(PAIRS))
    assert site.choices["collapse"] == (1, 2)
    assert "a_b" in render(PARALLEL.apply(parse(PAIRS), site.label, {"parts": 1, "collapse": 2}))


def test_scratch_moves_along() -> None:
    text = render(PARALLEL.apply(parse(ROWS), "rows:i", {"parts": 1}))
    worker, caller = text.split('extern "C"')
    assert "float scratch[64];" in worker
    assert "std::vector<float> wide(cols);" in worker
    assert "scratch" not in caller


def declined(body: str, label: str = "f:i", parameters: str = "const float* x, float* out, int64_t n") -> str:
    unit = parse(f'extern "C" void f({parameters}) {{ {body} }}')
    assert label not in [site.label for site in PARALLEL.sites(unit)]
    with pytest.raises(NotApplicable) as caught:
        PARALLEL.apply(unit, label, {"parts": 1})
    return str(caught.value)


def test_declines_what_carries_over() -> None:
    scan = "float s = 0; for (int64_t i = 0; i < n; ++i) { s += x[i]; out[i] = s; }"
    assert "s carries a value" in declined(scan)
    assert "same elements of out" in declined("for (int64_t i = 0; i < n; ++i) { out[0] += x[i]; }")
    assert "what others write" in declined("for (int64_t i = 1; i < n; ++i) { out[i] = out[i - 1] + x[i]; }")
    assert "left early" in declined("for (int64_t i = 0; i < n; ++i) { if (x[i] > 0) { return; } out[i] = 0; }")
    row = "float* o = out + 1; for (int64_t i = 0; i < n; ++i) { o[i] = out[i]; }"
    assert "both point into out" in declined(row)
    assert "no loop" in declined("out[0] = 1;")


def test_declines_a_second_time() -> None:
    unit = PARALLEL.apply(parse(FLAT), "flat:i", {"parts": 1})
    assert PARALLEL.sites(unit) == []


def test_leaves_short_loops_alone() -> None:
    rest = "for (int64_t i = n / 8 * 8; i < n; ++i) { out[i] = 0; } for (int64_t k = 0; k < 3; ++k) { out[k] = 0; }"
    unit = parse(f'extern "C" void f(float* out, int64_t n) {{ {rest} }}')
    assert PARALLEL.sites(unit) == []
    named = rest.replace("i = n / 8 * 8", "i = end")
    unit = parse(f'extern "C" void f(float* out, int64_t n) {{ const int64_t end = n / 8 * 8; {named} }}')
    assert PARALLEL.sites(unit) == []
    unit = parse(f'extern "C" void f(float* out, int64_t n) {{ {rest.replace("n / 8 * 8", "n / 8 * 4")} }}')
    assert [site.label for site in PARALLEL.sites(unit)] == ["f:i"]
