"""promote and inline_call: memory sums become locals, small functions become their bodies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from weigh_h import parsed, weigh, weighed

from conftest import call
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.arithmetic.inline_call import InlineCall
from warploom.propose.moves.cpp.sums.promote import Promote
from warploom.propose.moves.cpp.vectors.vectorise import Vectorise
from warploom.propose.moves.protocol import Move
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Unit

SIGNATURE = 'extern "C" void f(const float* x, const float* y, float* out, int64_t rows, int64_t cols)'
HELPERS = """
static inline float sigmoid(float v) { const float e = std::exp(-v); return 1.0f / (1.0f + e); }
static float leaky(float v, float slope) { if (v < 0) return slope * v; const float w = sigmoid(v); return w * v; }
"""
MEMORY = {
    "matmul into memory": """for (int64_t i = 0; i < rows; ++i) for (int64_t j = 0; j < cols; ++j) { out[i * cols + j] = 0;
        for (int64_t k = 0; k < 3; ++k) out[i * cols + j] += x[i + k] * y[k + j]; }""",
    "sum into memory": "for (int64_t i = 0; i < rows; ++i) for (int64_t j = 0; j < cols; ++j) out[i] = out[i] + x[i * cols + j];",
    "two places": "for (int64_t j = 0; j < cols; ++j) { out[0] += x[j]; if (y[j] > 0) { out[0] -= 2; } }",
    "row pointer": """for (int64_t i = 0; i < rows; ++i) { float* to = out + i; to[0] = y[i];
        for (int64_t j = 0; j < cols; ++j) to[0] += x[j]; }""",
}


def everywhere(move: Move, unit: Unit) -> Unit:
    sites = move.sites(unit)
    assert sites
    while sites:
        unit = move.apply(unit, sites[0].label, {})
        assert parse(render(unit)) == unit
        sites = move.sites(unit)
    return unit


def arguments(rows: int, cols: int) -> list[Any]:
    rng = np.random.default_rng(rows + cols)
    return [*(rng.standard_normal(rows * cols + 8).astype(np.float32) for _ in range(3)), rows, cols]


def test_promoted_sums_are_the_same_and_can_be_vectorised(
    run_both: Callable[..., None], build: Callable[[Sequence[str]], list[Any]]
) -> None:
    before, after = [], []
    for number, body in enumerate(MEMORY.values()):
        unit = parsed(f"{SIGNATURE} {{ {body} }}".replace("void f(", f"void f{number}("))
        made = everywhere(Promote(), unit)
        assert Vectorise().sites(made)
        before.append(render(unit))
        after.append(render(made))
    for number in range(len(MEMORY)):
        cases = [arguments(1, 1), arguments(4, 33)]
        run_both("\n".join(before), "\n".join(after), f"f{number}", cases)
    unit = parse(f"{SIGNATURE} {{ {MEMORY['matmul into memory']} }}")
    one, two = weigh(
        build([weighed(unit), weighed(everywhere(Promote(), unit))]), lambda lib: call(lib, "f", arguments(4, 33))
    )
    assert one == two


def test_a_start_right_before_the_loop_is_not_stored() -> None:
    text = render(everywhere(Promote(), parse(f"{SIGNATURE} {{ {MEMORY['matmul into memory']} }}")))
    assert "float out_sum = 0;" in text
    assert "out[i * cols + j] = 0" not in text


@pytest.mark.parametrize(
    "body",
    [
        "for (int64_t j = 0; j < cols; ++j) out[j] += x[j];",
        "for (int64_t j = 0; j < cols; ++j) { out[0] += x[j]; out[j + 1] = 2; }",
        "float* p = out; for (int64_t j = 0; j < cols; ++j) { out[0] += x[j]; p[1] = out[0]; }",
        "for (int64_t j = 0; j < cols; ++j) out[0] = x[j];",
        "for (int64_t j = 0; j < cols; ++j) { out[0] += x[j]; memset(out, 0, 4); }",
    ],
)
def test_promote_declines(body: str) -> None:
    unit = parse(f"{SIGNATURE} {{ {body} }}")
    assert not Promote().sites(unit)
    with pytest.raises(NotApplicable):
        Promote().apply(unit, "f:j", {})


def test_inlined_functions_give_the_same_and_can_be_vectorised(run_both: Callable[..., None]) -> None:
    body = """for (int64_t j = 0; j < cols; ++j) { if (leaky(x[j], 0.5f) > 0.1f) { out[j] = sigmoid(leaky(y[j], x[j])); }
        const float t = sigmoid(x[j]) * sigmoid(2 * x[j]); out[j] += t; }"""
    unit = parsed(f"{HELPERS} {SIGNATURE} {{ {body} }}")
    assert not Vectorise().sites(unit)
    made = everywhere(InlineCall(), unit)
    assert [site.label for site in Vectorise().sites(made)] == ["f:j"]
    vectors = Vectorise().apply(made, "f:j", {})
    for after in (made, vectors):
        run_both(render(unit), render(after), "f", [arguments(1, 1), arguments(3, 33)])


@pytest.mark.parametrize(
    "helper",
    [
        "static float g(float v) { for (int i = 0; i < 3; ++i) v *= v; return v; }",
        "static float g(const float* v) { return v[0]; }",
        "static int g(float v) { return v; }",
        "static float g(float v) { return v > 0 ? g(v - 1) : v; }",
        "static float g(float v) { if (v > 0) { return 1; } else { v = 2; } return v; }",
    ],
)
def test_inline_declines(helper: str) -> None:
    unit = parse(f"{helper} {SIGNATURE} {{ for (int64_t j = 0; j < cols; ++j) out[j] = g(x[j]); }}")
    assert not InlineCall().sites(unit)
    with pytest.raises(NotApplicable):
        InlineCall().apply(unit, "f:g", {})
