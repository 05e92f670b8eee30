"""The support code: accuracy over every exponent, special values, and how it is put into a unit."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from warploom.propose.moves.cpp.support import NEEDS, providers, text_of, with_support
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import RawItem, Unit

MACHINES = ("-march=native", "-march=x86-64-v3", "-march=x86-64")

PROBE = """
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <float.h>
static float of_bits(uint32_t b) { float f; memcpy(&f, &b, 4); return f; }
/* Worst error in ulps of the correctly rounded result; -1 - bits when NaN, inf or a zero went wrong. */
template <class Vector, class Exact>
static double worst(Vector vector, Exact exact, float low, float high, double allowed_absolute) {
  double most = 0;
  for (uint64_t start = 0; start < (1ull << 32); start += 16 * 1009) {
    float x[16], y[16];
    for (int l = 0; l < 16; ++l) x[l] = of_bits((uint32_t)(start + 1009 * l));
    store16(y, vector(load16(x)));
    for (int l = 0; l < 16; ++l) {
      if (x[l] == x[l] && !(x[l] >= low && x[l] <= high)) continue;
      double want = exact((double)x[l]);
      float rounded = (float)want;
      if (rounded != rounded || isinf(rounded)) {
        if (!(rounded != rounded ? y[l] != y[l] : y[l] == rounded)) return -1.0 - (uint32_t)(start + 1009 * l);
        continue;
      }
      float size = fabsf(rounded);
      double ulp = size < FLT_MIN ? 1.4012984643e-45 : (double)(nextafterf(size, INFINITY) - size);
      double error = fabs((double)y[l] - want);
      if (!(error == error)) return -1.0 - (uint32_t)(start + 1009 * l);
      if (error <= allowed_absolute) continue;
      if (error / ulp > most) most = error / ulp;
    }
  }
  return most;
}
static f32x16 exp_poly16(f32x16 v) { for (int l = 0; l < 16; ++l) v[l] = exp_poly(v[l]); return v; }
extern "C" double probe(int which) {
  switch (which) {
    case 0: return worst(exp16, [](double x) { return exp(x); }, -INFINITY, INFINITY, 0);
    case 1: return worst(exp_poly16, [](double x) { return exp(x); }, -INFINITY, INFINITY, 0);
    case 2: return worst(tanh16, [](double x) { return tanh(x); }, -INFINITY, INFINITY, 0);
    case 3: return worst(sigmoid16, [](double x) { return 1 / (1 + exp(-x)); }, -87, INFINITY, 0);
    case 4: return worst(log16, [](double x) { return log(x); }, -INFINITY, INFINITY, 0);
    case 5: return worst(log1p16, [](double x) { return log1p(x); }, -0.999f, INFINITY, 0);
    case 6: return worst(erf16, [](double x) { return erf(x); }, -INFINITY, INFINITY, 0);
    case 7: return worst(sqrt16, [](double x) { return sqrt(x); }, -INFINITY, INFINITY, 0);
    case 8: return worst(sigmoid16, [](double x) { return 1 / (1 + exp(-x)); }, -INFINITY, INFINITY, 1e-37);
    default: return worst(expm1_16, [](double x) { return expm1(x); }, -INFINITY, INFINITY, 0);
  }
}
extern "C" void across(const float* x, float* y) {
  y[0] = sum16(load16(x)); y[1] = product16(load16(x)); y[2] = max16(load16(x)); y[3] = min16(load16(x));
  y[4] = nanmax16(load16(x)); y[5] = nanmin16(load16(x));
}
extern "C" void lanes(const signed char* q, const unsigned char* u, const int* i, const float* x, float* y) {
  store16(y, load16(q)); store16(y + 16, load16(u)); store16(y + 32, load16(i)); store16(y + 48, float16(index16(7)));
  store16(y + 64, gather16(x, 3)); stream16(y + 80, load16(x)); stream16(y + 97, load16(x)); stream_fence();
  store16(y + 113, fmax16(load16(x), load16(x + 16))); store16(y + 129, nanmax16(load16(x), load16(x + 16)));
  store16(y + 145, fmin16(load16(x), load16(x + 16))); store16(y + 161, nanmin16(load16(x), load16(x + 16)));
  store16(y + 177, mask16(true) ? splat16(2.0f) : splat16(3.0f)); store16(y + 193, mask16(false) ? splat16(2.0f) : splat16(3.0f));
}
extern "C" void parts(const float* x, const signed char* q, float* y, long left) {
  store16(y, load_part16(x, left)); store_part16(y + 16, splat16(5.0f), left); store16(y + 32, load_part16(q, left));
  store16(y + 48, gather_part16(x, 3, left)); store16(y + 64, part16(left) ? splat16(1.0f) : splat16(2.0f));
}
extern "C" void scans(const float* x, float* y) {
  store16(y, scan_sum16(load16(x))); store16(y + 16, scan_product16(load16(x))); store16(y + 32, scan_max16(load16(x)));
  store16(y + 48, scan_min16(load16(x))); store16(y + 64, before_scan_sum16(scan_sum16(load16(x))));
  store16(y + 80, last16(load16(x)) * (lane0(load16(x)) / x[0]));
}
"""


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    folder = tmp_path_factory.mktemp("support")
    source = folder / "probe.cpp"
    source.write_text("\n".join(text_of(topic) for topic in NEEDS) + PROBE)
    jobs = []
    for machine in MACHINES:
        library = folder / f"probe{machine}.so"
        command = ["g++", "-O2", machine, "-Wno-psabi", "-ffp-contract=fast", "-shared", "-fPIC", "-o", str(library)]
        jobs.append((machine, library, subprocess.Popen([*command, str(source)])))
    for _, _, job in jobs:
        assert job.wait() == 0
    return {machine: ctypes.CDLL(str(library)) for machine, library, _ in jobs}


LIMITS = {
    "exp16": (0, 1.5),
    "exp_poly": (1, 1.5),
    "tanh16": (2, 4.0),
    "sigmoid16": (3, 3.0),
    "log16": (4, 2.0),
    "log1p16": (5, 3.0),
    "erf16": (6, 3.0),
    "sqrt16": (7, 0.6),
    "sigmoid16 below -87": (8, 3.0),
    "expm1_16": (9, 2.5),
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("machine", MACHINES)
def test_error_over_all_exponents_in_ulps(probes: dict[str, ctypes.CDLL], machine: str, name: str) -> None:
    which, limit = LIMITS[name]
    probe = probes[machine].probe
    probe.restype = ctypes.c_double
    assert 0 <= probe(which) <= limit


def test_lanes_loads_stores_and_extremes(probes: dict[str, ctypes.CDLL]) -> None:
    rng = np.random.default_rng(1)
    q = rng.integers(-128, 128, 16).astype(np.int8)
    u = rng.integers(0, 256, 16).astype(np.uint8)
    whole = rng.integers(-1000, 1000, 16).astype(np.int32)
    x = rng.standard_normal(64).astype(np.float32)
    x[3], x[16 + 5] = np.nan, np.nan
    a, b = x[:16], x[16:32]
    off = np.isnan(b)
    larger, smaller = np.where(a < b, b, a), np.where(b < a, b, a)
    expected = np.full(240, 7, np.float32)
    expected[0:16], expected[16:32], expected[32:48], expected[48:64] = q, u, whole, np.arange(7, 23)
    expected[64:80], expected[80:96], expected[97:113] = x[0:48:3], a, a
    expected[113:129], expected[129:145] = larger, np.where(off, np.nan, larger)
    expected[145:161], expected[161:177] = smaller, np.where(off, np.nan, smaller)
    expected[177:193], expected[193:209] = 2, 3
    for library in probes.values():
        raw = np.full(240 + 16, 7, np.float32)
        shift = (-raw.ctypes.data // 4) % 16  # stream16 must meet an aligned and an unaligned address
        y = raw[shift : shift + 240]
        library.lanes(*(ctypes.c_void_p(array.ctypes.data) for array in (q, u, whole, x, y)))
        np.testing.assert_array_equal(y, expected)


def test_parts_touch_only_the_lanes_that_are_left(probes: dict[str, ctypes.CDLL]) -> None:
    x = np.arange(1, 50, dtype=np.float32)
    bytes_ = np.arange(1, 17, dtype=np.int8)
    for library in probes.values():
        for left in (1, 7, 15, 16, 40):
            y = np.zeros(96, np.float32)
            library.parts(
                ctypes.c_void_p(x.ctypes.data),
                ctypes.c_void_p(bytes_.ctypes.data),
                ctypes.c_void_p(y.ctypes.data),
                ctypes.c_long(left),
            )
            on = np.arange(16) < left
            np.testing.assert_array_equal(y[:16], np.where(on, x[:16], 0))
            np.testing.assert_array_equal(y[16:32], np.where(on, 5, 0))
            np.testing.assert_array_equal(y[32:48], np.where(on, bytes_, 0))
            np.testing.assert_array_equal(y[48:64], np.where(on, x[0:48:3], 0))
            np.testing.assert_array_equal(y[64:80], np.where(on, 1, 2))
            np.testing.assert_array_equal(y[80:], 0)


def test_across_and_scans(probes: dict[str, ctypes.CDLL]) -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(0.5, 1.5, 16).astype(np.float32)
    poisoned = x.copy()
    poisoned[9] = np.nan
    for library in probes.values():
        y, z, scans = np.zeros(6, np.float32), np.zeros(6, np.float32), np.zeros(96, np.float32)
        library.across(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data))
        library.across(ctypes.c_void_p(poisoned.ctypes.data), ctypes.c_void_p(z.ctypes.data))
        np.testing.assert_allclose(y, [x.sum(), x.prod(), x.max(), x.min(), x.max(), x.min()], rtol=1e-6)
        assert np.isnan(z[4])
        assert np.isnan(z[5])
        library.scans(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(scans.ctypes.data))
        want = [np.cumsum(x), np.cumprod(x), np.maximum.accumulate(x), np.minimum.accumulate(x)]
        want += [np.concatenate([[0], np.cumsum(x)[:-1]]), np.full(16, x[15])]
        np.testing.assert_allclose(scans, np.concatenate(want), rtol=1e-6)


def test_support_stands_on_top_once_and_stays_verbatim() -> None:
    unit = parse("void f(float* x) { x[0] = 1; }")
    made = with_support(unit, "erf16")
    assert [item.text.splitlines()[1] for item in made.items if isinstance(item, RawItem)] == [
        "#define WARPLOOM_VECTORS",
        "#define WARPLOOM_EXP",
        "#define WARPLOOM_ERF",
    ]
    assert with_support(made, "exp16", "load16") is made
    again = with_support(parse(render(made)), "sum16")
    assert parse(render(again)) == again
    assert len(again.items) == len(made.items) + 1
    assert "WARPLOOM_ACROSS" in str(again.items[1])
    with pytest.raises(KeyError):
        with_support(unit, "no_such_function")


def test_every_text_names_what_it_needs(tmp_path: Path) -> None:
    """Each topic compiles with nothing but the topics it declares, and every function is known to providers()."""
    jobs = []
    for topic in NEEDS:
        source = tmp_path / f"{topic}.cpp"
        source.write_text(render(with_support(Unit(()), topic)))
        jobs.append(subprocess.Popen(["g++", "-fsyntax-only", "-march=native", "-Wno-psabi", str(source)]))
    assert all(job.wait() == 0 for job in jobs)
    assert {"load16", "f32x16", "sum16", "scan_max16", "before_scan_sum16", "exp_poly"} <= set(providers())
    assert set(providers()["nanmax16"]) == {"vectors", "across"}
