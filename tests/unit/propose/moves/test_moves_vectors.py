"""vectorise: same results on every size, no extra work, right sites, many spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from weigh_h import parsed, weigh, weighed

from conftest import call
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.vectors.vectorise import Vectorise
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Unit
from warploom.values.candidate import Scalar

SIGNATURE = 'extern "C" void f(const float* x, const float* y, float* out, int64_t rows, int64_t cols)'

BODIES: dict[str, str] = {
    "copy": "for (int64_t j = 0; j < rows * cols; ++j) out[j] = x[j];",
    "axpy with a local": "for (int64_t j = 0; j < rows * cols; ++j) { const float t = 2.0f * x[j] + y[j]; out[j] = t * t; }",
    "row pointers": """for (int64_t i = 0; i < rows; ++i) { const float* row = x + i * cols; float* to = out + i * cols;
        for (int64_t j = 0; j < cols; j++) to[j] += row[j] * y[i]; }""",
    "sum": "for (int64_t i = 0; i < rows; ++i) { float s = 0; for (int64_t j = 0; j < cols; ++j) s += x[i * cols + j]; out[i] = s; }",
    "sum spelled out": """for (int i = 0; i < rows; ++i) { double s = 1.0; for (int j = 0; j < cols; ++j) { float v = x[i * cols + j];
        s = s + v * v - y[j]; } out[i] = s; }""",
    "difference": "float s = 3; for (size_t j = 0; j < (size_t)(rows * cols); ++j) s -= x[j]; out[0] = s;",
    "product": "float p = 1; for (int64_t j = 0; j < cols; ++j) p *= 1.0f + 0.01f * x[j]; out[0] = p;",
    "max by std": "float m = x[0]; for (int64_t j = 0; j < cols; ++j) m = std::max(m, x[j]); out[0] = m;",
    "max by fmaxf": "float m = -INFINITY; for (int64_t j = 0; j < cols; ++j) m = fmaxf(x[j], m); out[0] = m;",
    "max by ternary": "float m = x[0]; for (int64_t j = 1; j < cols; ++j) m = x[j] > m ? x[j] : m; out[0] = m;",
    "min by if": "float m = x[0]; for (int64_t j = 1; j < cols; ++j) { float v = x[j]; if (v < m) { m = v; } } out[0] = m;",
    "max and sum": """float m = -INFINITY, s = 0; for (int64_t j = 0; j < cols; ++j) { m = std::max<float>(x[j], m); s += x[j]; }
        out[0] = m; out[1] = s;""",
    "conditional sum": "float s = 0; for (int64_t j = 0; j < cols; ++j) if (x[j] > 0.5f) s += y[j]; out[0] = s;",
    "relu and clip": """for (int64_t j = 0; j < cols; ++j) { float v = std::max(x[j], 0.0f); if (v > 1.0f) v = 1.0f; else v = v * v;
        out[j] = x[j] < y[j] && !(v > 0.7f) ? v : fminf(v, 0.3f); }""",
    "store under a condition": "for (int64_t j = 0; j < cols; ++j) { if (x[j] < 0) out[j] = -x[j]; }",
    "variable as value": "for (int64_t j = 0; j < cols; ++j) out[j] = (float)j * 0.5f + (2 * j + 1) + x[j];",
    "condition on position": "for (int64_t j = 0; j < cols; ++j) out[j] = j < cols / 2 ? 1.0f : 2.0f;",
    "exp": "for (int64_t j = 0; j < cols; ++j) out[j] = std::exp(-x[j]) + tanhf(x[j]) + std::sqrt(std::fabs(y[j])) + logf(y[j] * y[j] + 1);",
    "elu": """for (int64_t j = 0; j < cols; ++j) out[j] = (x[j] > 0.0f ? x[j] : 1.5f * std::expm1(x[j])) + erff(y[j])
        + std::log1p(std::abs(x[j]));""",
    "outer over inner": """for (int64_t i = 0; i < rows - 2; ++i) for (int64_t j = 0; j < cols - 2; ++j) { float s = 0, m = -1e30f;
        for (int k = 0; k < 3; ++k) for (int l = 0; l < 3; ++l) { const float v = x[(i + k) * cols + j + l];
        s += v * y[k * 3 + l]; m = std::max(m, v); } out[i * cols + j] = s + m; }""",
    "private array": """for (int64_t j = 0; j < cols; ++j) { float a[4] = {0}; for (int k = 0; k < 4; ++k) a[k] += x[j] * k;
        float s = 0; for (int k = 0; k < 4; ++k) s += a[k] * a[k]; out[j] = s; }""",
    "pointer in the body": "for (int64_t j = 0; j < cols; ++j) { const float* p = x + j; float s = 0; for (int64_t i = 0; i < rows; ++i) s += p[i * cols]; out[j] = s; }",
    "uniform condition": "for (int64_t j = 0; j < cols; ++j) { float v = x[j]; if (rows > 2) { v += y[j]; } else { v -= y[j]; } out[j] = rows > 3 ? v : -v; }",
    "scratch": "float t[8192]; for (int64_t j = 0; j < cols; ++j) t[j] = x[j] * 2; for (int64_t j = 0; j < cols; ++j) out[j] = t[j] + 1;",
    "memory fold over the outer loop": "for (int64_t i = 0; i < rows; ++i) for (int64_t j = 0; j < cols; ++j) out[j] += x[i * cols + j];",
    "mask in a local": "for (int64_t j = 0; j < cols; ++j) { const bool big = x[j] > y[j]; out[j] = big ? x[j] : y[j]; }",
    "not from zero": "for (int64_t j = rows; j < cols; ++j) out[j] = x[j - rows] + y[j];",
    "constant trip": "float s = 0; for (int j = 0; j < 64; ++j) s += x[j] * y[j]; for (int j = 0; j < 16; ++j) out[j] = s; for (int j = 0; j < 100; ++j) s += x[j]; out[20] = s;",
    "nan wins": "float m = -INFINITY; for (int64_t j = 0; j < cols; ++j) { if (x[j] > m || std::isnan(x[j])) m = x[j]; } out[0] = m;",
}


def source(body: str) -> str:
    return f"{SIGNATURE} {{ {body} }}"


def everywhere(unit: Unit, pick: int = 0, **fixed: Scalar) -> Unit:
    """vectorise at every site, one after another, with the ``pick``-th choices."""
    move = Vectorise()
    count = 0
    for site in move.sites(unit):
        chosen = {name: values[pick % len(values)] for name, values in site.choices.items()}
        try:
            unit = move.apply(unit, site.label, {**chosen, **fixed})
        except NotApplicable:
            continue
        count += 1
    assert count, render(unit)
    return unit


def arguments(rows: int, cols: int, seed: int = 0) -> list[NDArray[Any] | int]:
    rng = np.random.default_rng(seed)
    size = max(rows * cols, 200)
    arrays: list[NDArray[Any] | int] = [rng.standard_normal(size).astype(np.float32) for _ in range(3)]
    return [*arrays, rows, cols]


SIZES = ((1, 1), (3, 15), (3, 16), (4, 17), (5, 63), (3, 64), (2, 130), (4, 511))


@pytest.mark.parametrize("pick", [0, 1, 2])
def test_same_results_on_every_size(run_both: Callable[..., None], pick: int) -> None:
    """All bodies in one library each way: one compilation, many kernels."""
    before, after = [], []
    for number, body in enumerate(BODIES.values()):
        unit = parsed(source(body).replace("void f(", f"void f{number}("))
        made = everywhere(unit, pick)
        assert parse(render(made)) == made
        before.append(render(unit))
        after.append(render(made))
    for number, name in enumerate(BODIES):
        cases = [arguments(rows, cols, number) for rows, cols in SIZES]
        if name == "exp":
            continue
        run_both("\n".join(before), "\n".join(after), f"f{number}", cases)
    number = list(BODIES).index("exp")
    run_both("\n".join(before), "\n".join(after), f"f{number}", [arguments(1, 333)], tolerance=2e-6)


@pytest.mark.parametrize("name", ["sum", "max and sum", "outer over inner", "axpy with a local", "constant trip"])
def test_no_extra_work(build: Callable[[Sequence[str]], list[Any]], name: str) -> None:
    """Lanes handled are those of the original, and with a masked tail at most fifteen more for each run of the loop."""
    unit = parse(source(BODIES[name]))
    sources = [weighed(unit), weighed(everywhere(unit, 0, tail="scalar")), weighed(everywhere(unit, 0))]
    case = arguments(4, 133)
    before, scalar, masked = weigh(build(sources), lambda library: call(library, "f", case))
    assert scalar == before
    assert masked <= before * 1.16


def test_parameters_are_wired() -> None:
    unit = parse(source(BODIES["sum"]))
    move = Vectorise()
    (site,) = move.sites(unit)
    assert site.label == "f:j"
    four = render(move.apply(unit, "f:j", {"accumulators": 4, "tail": "scalar"}))
    one = render(move.apply(unit, "f:j", {"accumulators": 1, "tail": "scalar"}))
    assert "j += 64" in four
    assert "j_v += 16" in four
    assert "j += 16" in one
    assert "j_v" not in one
    assert "++j_r" in four
    assert "load_part16(x" not in four
    assert "load_part16(x" in render(move.apply(unit, "f:j", {}))
    strided = parse(source("float s = 0; for (int64_t j = 0; j < rows; ++j) s += x[j * cols]; out[0] = s;"))
    (site,) = move.sites(strided)
    assert site.choices["gather"] == (1,)
    assert "gather16(x + j * cols, cols)" in render(move.apply(strided, "f:j", {"gather": 1}))
    with pytest.raises(NotApplicable):
        move.apply(strided, "f:j", {})
    with pytest.raises(NotApplicable):
        move.apply(unit, "f:j", {"accumulators": 0})
    with pytest.raises(NotApplicable):
        move.apply(unit, "f:j", {"tail": "ragged"})
    with pytest.raises(NotApplicable):
        move.apply(unit, "f:k", {})


DECLINED = {
    "recurrence in memory": "for (int64_t j = 1; j < cols; ++j) out[j] = out[j - 1] + x[j];",
    "running sum": "float s = 0; for (int64_t j = 0; j < cols; ++j) { s += x[j]; out[j] = s; }",
    "carried scalar": "float s = 0; for (int64_t j = 0; j < cols; ++j) { s = x[j] - s; } out[0] = s;",
    "unknown call": "for (int64_t j = 0; j < cols; ++j) out[j] = std::cbrt(x[j]);",
    "counter": "int n = 0; for (int64_t j = 0; j < cols; ++j) { if (x[j] > 0) n += 1; } out[0] = n;",
    "scatter": "for (int64_t j = 0; j < cols; ++j) out[2 * j] = x[j];",
    "triangle": "for (int64_t j = 0; j < cols; ++j) { float s = 0; for (int64_t k = 0; k < j; ++k) s += x[k]; out[j] = s; }",
    "load behind a check of its position": "for (int64_t j = 0; j < cols; ++j) { float s = 0; if (j + 1 < cols) s = x[j + 1]; out[j] = s; }",
    "position in a ternary": "for (int64_t j = 0; j < cols; ++j) out[j] = j > 0 ? x[j - 1] : 0.0f;",
    "early exit": "for (int64_t j = 0; j < cols; ++j) { if (x[j] < 0) break; out[j] = x[j]; }",
    "short": "for (int64_t j = 0; j < 3; ++j) out[j] = x[j];",
    "parallel already": "#pragma omp parallel for\nfor (int64_t j = 0; j < cols; ++j) out[j] = x[j];",
    "argmax": "float m = x[0]; int64_t at = 0; for (int64_t j = 0; j < cols; ++j) { if (x[j] > m) { m = x[j]; at = j; } } out[0] = at;",
    "same value over and over": "float s = 0; for (int64_t j = 0; j < cols; ++j) s += x[0]; out[0] = s;",
    "nothing varies": "for (int64_t j = 0; j < cols; ++j) { float s = x[0]; s += 1; }",
}


@pytest.mark.parametrize("name", DECLINED)
def test_declines_what_plainly_does_not_fit(name: str) -> None:
    assert "f:j" not in [site.label for site in Vectorise().sites(parse(source(DECLINED[name])))]


def test_sites_apply_with_their_first_choices_and_parse_back() -> None:
    for body in BODIES.values():
        unit = parse(source(body))
        for site in Vectorise().sites(unit):
            for position in range(max(len(values) for values in site.choices.values())):
                chosen = {name: values[position % len(values)] for name, values in site.choices.items()}
                made = Vectorise().apply(unit, site.label, chosen)
                assert parse(render(made)) == made


def test_special_values_are_those_of_the_scalar_loop(build: Callable[[Sequence[str]], list[Any]]) -> None:
    names = ["max by std", "nan wins", "exp", "relu and clip"]
    units = [parse(source(BODIES[name]).replace("void f(", f"void f{i}(")) for i, name in enumerate(names)]
    made = [everywhere(unit, 1) for unit in units]
    old, new = build(["\n".join(map(render, units)), "\n".join(map(render, made))])
    case = arguments(1, 77)
    array = case[0]
    assert isinstance(array, np.ndarray)
    array[[3, 20, 75]] = np.nan
    array[[5, 40]] = np.inf
    array[[6, 76]] = -np.inf
    array[[7, 8]] = 200, -200
    for i, name in enumerate(names):
        before, after = (call(library, f"f{i}", case)[2][:77] for library in (old, new))
        np.testing.assert_allclose(after, before, rtol=2e-6, atol=1e-6, err_msg=name)
