"""Arithmetic moves: results stay within float's reach, and each rewrites just what it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from weigh_h import parsed

from conftest import call
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.arithmetic.maths import MOVES
from warploom.propose.moves.protocol import Move
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Unit

BY_NAME: dict[str, Move] = {move.name: move for move in MOVES}
SIGNATURE = 'extern "C" void f(const float* x, const float* y, float* out, int64_t rows, int64_t cols)'
LOOP = "for (int64_t j = 0; j < cols; ++j)"

CASES: dict[str, tuple[str, str, str]] = {
    # name: move, body, what the result must contain
    "gelu": (
        "tanh_by_exp",
        f"{LOOP} {{ const float v = x[j]; out[j] = 0.5f * v * (1.0f + std::tanh(0.8f * (v + 0.04f * v * v * v))); }}",
        "2.0f / (1.0f + std::exp(-2.0f *",
    ),
    "gelu the other way round": ("tanh_by_exp", f"{LOOP} out[j] = (tanhf(x[j]) + 1.f) * x[j];", "expf(-2.0f * x[j])"),
    "mish": ("tanh_by_exp", f"{LOOP} out[j] = x[j] * std::tanh(std::log1p(std::exp(x[j])));", "ratio / (ratio + 2.0f)"),
    "mish by log": (
        "tanh_by_exp",
        f"{LOOP} {{ float s = 3 * x[j]; out[j] = s * tanhf(logf(1.0f + expf(s))); }}",
        "expf(",
    ),
    "in a condition": (
        "tanh_by_exp",
        f"{LOOP} {{ if (1 + tanhf(x[j]) > 1.5f) {{ out[j] = tanhf(y[j]) + 1.0f; }} }}",
        "expf(-2.0f * y[j])",
    ),
    "square": (
        "pow_to_mul",
        f"{LOOP} out[j] = std::pow(x[j] + 1, 2.0f) * powf(y[j], 3) * pow(x[j], 4);",
        "base * base",
    ),
    "root": ("pow_to_mul", f"{LOOP} out[j] = std::pow(x[j] * x[j], 0.5);", "std::sqrt((float)"),
    "poly": ("poly_exp", f"{LOOP} out[j] = std::exp(x[j]) + expf(-y[j]);", "exp_poly(-y[j])"),
    "divide": (
        "reciprocal",
        f"float s = y[0] + 3; {LOOP} out[j] = x[j] / s + y[j] / std::sqrt(s);",
        "x[j] * s_inverse",
    ),
    "double": ("narrow", f"double s = 0.5; {LOOP} s += (double)x[j] * 1e-1; out[0] = s / 3.0;", "float s = 0.5f"),
}


def everywhere(move: Move, unit: Unit) -> Unit:
    sites = move.sites(unit)
    assert sites
    for site in sites:
        unit = move.apply(unit, site.label, {name: values[0] for name, values in site.choices.items()})
    assert parse(render(unit)) == unit
    return unit


def test_results_stay_and_the_form_is_the_cheap_one(build: Callable[[Sequence[str]], list[Any]]) -> None:
    before, after = [], []
    for number, (move, body, expected) in enumerate(CASES.values()):
        unit = parsed(f"{SIGNATURE} {{ {body} }}".replace("void f(", f"void f{number}("))
        made = everywhere(BY_NAME[move], unit)
        assert expected in render(made)
        assert not BY_NAME[move].sites(made)
        before.append(render(unit))
        after.append(render(made))
    old, new = build(["\n".join(before), "\n".join(after)])
    rng = np.random.default_rng(0)
    for number, name in enumerate(CASES):
        for scale in (0.01, 1.0, 30.0):
            x, y = (scale * rng.standard_normal(500).astype(np.float32) for _ in range(2))
            case: list[Any] = [x.astype(np.float32), y.astype(np.float32), np.zeros(500, np.float32), 1, 500]
            one, two = (call(library, f"f{number}", case)[2] for library in (old, new))
            np.testing.assert_allclose(two, one, rtol=2e-5, atol=1e-6 * max(1, scale), err_msg=name)


def test_mish_keeps_special_values(build: Callable[[Sequence[str]], list[Any]]) -> None:
    unit = parse(f"{SIGNATURE} {{ {CASES['mish'][1]} }}")
    old, new = build([render(unit), render(everywhere(BY_NAME["tanh_by_exp"], unit))])
    x = np.array([np.nan, np.inf, 200, 88, -88, -200, 0, 20, 20.5, -1e-30], np.float32)
    case: list[Any] = [x, x, np.zeros(10, np.float32), 1, 10]
    one, two = (call(library, "f", case)[2] for library in (old, new))
    np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-30)


DECLINED = {
    "reciprocal": [
        f"{LOOP} out[j] = x[j] / y[j];",
        f"{LOOP} {{ float s = x[j]; out[j] = y[j] / s; }}",
        f"{LOOP} out[j] = x[j / rows];",
        f"{LOOP} out[j] = x[j] / rows;",
        f"float s = 1; {LOOP} {{ s += x[j]; out[j] = y[j] / s; }}",
    ],
    "pow_to_mul": [f"{LOOP} out[j] = std::pow(x[j], y[j]) + pow(x[j], 2.5f);"],
    "tanh_by_exp": [
        f"{LOOP} out[j] = std::exp(x[j]);",
        f"{LOOP} out[j] = tanh(x[j]) + y[j];",  # by one exp, a small x would lose its digits
        f"{LOOP} out[j] = 2.0f + tanh(x[j]);",
    ],
    "poly_exp": [f"{LOOP} out[j] = std::exp2(x[j]);"],
    "narrow": [f"float s = 0; {LOOP} s += x[j]; out[0] = s;"],
}


@pytest.mark.parametrize("name", DECLINED)
def test_declines(name: str) -> None:
    for body in DECLINED[name]:
        unit = parse(f"{SIGNATURE} {{ {body} }}")
        assert not BY_NAME[name].sites(unit), body
        with pytest.raises(NotApplicable):
            BY_NAME[name].apply(unit, "f:j", {})


def test_the_inverse_is_taken_once_before_the_loop() -> None:
    unit = parse(f"{SIGNATURE} {{ float s = y[0]; {LOOP} out[j] = x[j] / s - y[j] / s; }}")
    text = render(BY_NAME["reciprocal"].apply(unit, "f:j", {}))
    assert text.count("1.0f / s") == 1
    assert text.index("1.0f / s") < text.index("for (")
