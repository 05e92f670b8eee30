"""simd pragmas, one-pass softmax sums and scans in a register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from weigh_h import parsed, weigh, weighed

from conftest import call
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.sums.reductions import MOVES
from warploom.propose.moves.protocol import Move
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Unit
from warploom.values.candidate import Scalar

BY_NAME: dict[str, Move] = {move.name: move for move in MOVES}
SIGNATURE = 'extern "C" void f(const float* x, const float* y, float* out, int64_t rows, int64_t cols)'
LOOP = "for (int64_t j = 0; j < cols; ++j)"

BODIES: dict[str, tuple[str, str]] = {
    "simd sum": ("simd", f"float s = 0, p = 1; {LOOP} {{ s += x[j]; p *= 1 + 0.01f * y[j]; }} out[0] = s; out[1] = p;"),
    "simd max": (
        "simd",
        f"float m = x[0], l = y[0]; {LOOP} {{ m = std::max(m, x[j]); if (y[j] < l) l = y[j]; }} out[0] = m + l;",
    ),
    "simd map": ("simd", f"{LOOP} out[j] = std::cbrt(x[j]) + y[j];"),
    "online": (
        "online",
        f"""for (int64_t i = 0; i < rows; ++i) {{ const float* r = x + i * cols; float m = r[0]; {LOOP} m = std::max(m, r[j]);
        float s = 0.0f; {LOOP} s += std::exp(r[j] - m); out[2 * i] = m; out[2 * i + 1] = s; }}""",
    ),
    "online from below": (
        "online",
        f"""float s; float m = -INFINITY; {LOOP} {{ if (2 * x[j] > m) {{ m = 2 * x[j]; }} }} s = 0;
        {LOOP} {{ s += expf(2 * x[j] - m); }} out[0] = s; out[1] = m;""",
    ),
    "cumsum": (
        "scan_in_register",
        f"for (int64_t i = 0; i < rows; ++i) {{ float s = 0; {LOOP} {{ s += x[i * cols + j]; out[i * cols + j] = s; }} }}",
    ),
    "exclusive": ("scan_in_register", f"float s = 1; {LOOP} {{ out[j] = s * 2; s = s + x[j] * y[j]; }} out[cols] = s;"),
    "both": (
        "scan_in_register",
        f"float s = 1; {LOOP} {{ const float v = x[j]; out[j] = s; s += v; out[j + cols] = s + v; }}",
    ),
    "cumprod": ("scan_in_register", f"float s = 1; {LOOP} {{ s *= 1.0f + 0.01f * x[j]; out[j] = s; }}"),
    "cummax": ("scan_in_register", f"float s = -1e30f; {LOOP} {{ s = std::max(s, x[j]); out[j] = s; }}"),
    "cummin": ("scan_in_register", f"float s = x[0]; {LOOP} {{ if (x[j] < s) {{ s = x[j]; }} out[j] = s; }}"),
}


def arguments(rows: int, cols: int) -> list[NDArray[Any] | int]:
    rng = np.random.default_rng(rows * cols)
    size = max(rows * cols, 2 * cols + 1, 2 * rows, 64)
    arrays: list[NDArray[Any] | int] = [rng.standard_normal(size).astype(np.float32) for _ in range(3)]
    return [*arrays, rows, cols]


def everywhere(name: str, unit: Unit, **fixed: Scalar) -> Unit:
    sites = BY_NAME[name].sites(unit)
    assert sites
    for site in sites:
        chosen = {key: values[0] for key, values in site.choices.items()}
        unit = BY_NAME[name].apply(unit, site.label, {**chosen, **fixed})
    assert parse(render(unit)) == unit
    return unit


def fixed_for(move: str) -> dict[str, Scalar]:
    return {"block": 32} if move == "online" else {}


def test_same_results(run_both: Callable[..., None]) -> None:
    before, after = [], []
    for number, (move, body) in enumerate(BODIES.values()):
        unit = parsed(f"{SIGNATURE} {{ {body} }}".replace("void f(", f"void f{number}("))
        before.append(render(unit))
        after.append(render(everywhere(move, unit, **fixed_for(move))))
    cases = [arguments(rows, cols) for rows, cols in ((1, 1), (3, 15), (2, 16), (4, 33), (3, 200))]
    for number in range(len(BODIES)):
        run_both("\n".join(before), "\n".join(after), f"f{number}", cases, tolerance=3e-5)


@pytest.mark.parametrize("name", ["cumsum", "online"])
def test_no_extra_work(build: Callable[[Sequence[str]], list[Any]], name: str) -> None:
    move, body = BODIES[name]
    unit = parse(f"{SIGNATURE} {{ {body} }}")
    libraries = build([weighed(unit), weighed(everywhere(move, unit, **fixed_for(move)))])
    before, after = weigh(libraries, lambda library: call(library, "f", arguments(3, 133)))
    assert after == before


def test_online_survives_infinities(build: Callable[[Sequence[str]], list[Any]]) -> None:
    unit = parse(f"{SIGNATURE} {{ {BODIES['online from below'][1]} }}")
    old, new = build([render(unit), render(everywhere("online", unit, block=16))])
    for first in (-np.inf, 1.0):
        x = np.full(100, -np.inf, np.float32)
        x[50:] = first
        x[70] = 3
        case: list[Any] = [x, x, np.zeros(4, np.float32), 1, 100]
        one, two = (call(library, "f", case)[2] for library in (old, new))
        np.testing.assert_allclose(two, one, rtol=1e-5)


def test_pragmas_name_every_reduction() -> None:
    text = render(everywhere("simd", parse(f"{SIGNATURE} {{ {BODIES['simd sum'][1]} }}")))
    assert "#pragma omp simd reduction(*:p) reduction(+:s)" in text
    text = render(everywhere("simd", parse(f"{SIGNATURE} {{ {BODIES['simd max'][1]} }}")))
    assert "reduction(min:l) reduction(max:m)" in text


def test_block_is_wired() -> None:
    unit = parse(f"{SIGNATURE} {{ {BODIES['online'][1]} }}")
    assert "j_b += 512" in render(BY_NAME["online"].apply(unit, "f:j2", {"block": 512}))


DECLINED = {
    "simd": [
        f"{LOOP} out[j + 1] = out[j];",
        f"float s = 0; {LOOP} {{ s += x[j * cols]; }} out[0] = s;",
        "for (int64_t j = 0; j < 4; ++j) out[j] = x[j];",
        f"{LOOP} {{ if (x[j] > 0) break; out[j] = 1; }}",
    ],
    "online": [
        f"float m = x[0]; {LOOP} m = std::max(m, x[j]); float s = 0; {LOOP} s += std::exp(y[j] - m); out[0] = s;",
        f"float m = x[0]; {LOOP} m = std::min(m, x[j]); float s = 0; {LOOP} s += std::exp(x[j] - m); out[0] = s;",
        f"float m = x[0]; {LOOP} m = std::max(m, x[j]); float s = m; {LOOP} s += std::exp(x[j] - m); out[0] = s;",
        f"float m = x[0]; {LOOP} m = std::max(m, x[j]); float s = 0; for (int64_t j = 1; j < cols; ++j) s += std::exp(x[j] - m); out[0] = s;",
    ],
    "scan_in_register": [
        f"float s = 0; {LOOP} {{ s += x[j]; }} out[0] = s;",
        f"float s = 0; {LOOP} {{ s += x[j] * s; out[j] = s; }}",
        f"float s = 0; {LOOP} {{ const float t = s + x[j]; s += t; out[j] = s; }}",
        f"float s = 0; {LOOP} {{ s += x[j]; s = s * 0.5f; out[j] = s; }}",
        f"float s = 0; {LOOP} {{ s += out[j - 1]; out[j] = s; }}",
    ],
}


@pytest.mark.parametrize("name", DECLINED)
def test_declines(name: str) -> None:
    for body in DECLINED[name]:
        unit = parse(f"{SIGNATURE} {{ {body} }}")
        assert not BY_NAME[name].sites(unit), body
        with pytest.raises(NotApplicable):
            BY_NAME[name].apply(unit, "f:j", {})
