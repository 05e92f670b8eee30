from __future__ import annotations

from pathlib import Path

import pytest

from warploom.archive.descriptors import describe
from warploom.problems.load import catalog_names, find_seed
from warploom.values.behaviour import AXES, LEVELS
from warploom.values.candidate import Candidate

HEAD = 'extern "C" void k(const float* x, const float* y, float* out, int64_t n, int64_t m) {\n'
PLAIN = "  for (int64_t i = 0; i < n; ++i) {\n    out[i] = 2.0f * x[i];\n  }\n"
SIMD = "  #pragma omp simd\n" + PLAIN
THREADS = "  #pragma omp parallel for schedule(static)\n" + PLAIN
BOTH = "  #pragma omp parallel for simd\n" + PLAIN
VECTORS = """
  for (int64_t i = 0; i < n; i += 16) {
    f32x16 v = load16(x + i);
    store16(out + i, v * splat16(2.0f));
  }
"""
TILED = """
  for (int64_t i = 0; i < n; i += 64) {
    for (int64_t ii = i; ii < i + 64; ++ii) {
      out[ii] = 2.0f * x[ii];
    }
  }
"""
SCRATCH = """
  float row[256];
  for (int64_t i = 0; i < n; ++i) {
    row[i % 256] = x[i];
    out[i] = row[i % 256];
  }
"""
BLOCKS = """
  for (int64_t i = 0; i < n; i += 2) {
    float a0 = 0.0f;
    float a1 = 0.0f;
    float a2 = 0.0f;
    float a3 = 0.0f;
    for (int64_t k = 0; k < m; ++k) {
      a0 += x[i * m + k] * y[2 * k];
      a1 += x[i * m + k] * y[2 * k + 1];
      a2 += x[(i + 1) * m + k] * y[2 * k];
      a3 += x[(i + 1) * m + k] * y[2 * k + 1];
    }
    out[i] = a0 + a1 + a2 + a3;
  }
"""
SUMS = """
  float a0 = 0.0f;
  float a1 = 0.0f;
  float a2 = 0.0f;
  float a3 = 0.0f;
  for (int64_t i = 0; i < n; i += 4) {
    a0 += x[i];
    a1 += x[i + 1];
    a2 += x[i + 2];
    a3 += x[i + 3];
  }
  out[0] = a0 + a1 + a2 + a3;
"""
TWO_PASSES = """
  for (int64_t i = 0; i < n; ++i) {
    const float* row = x + i * m;
    float top = row[0];
    for (int64_t j = 0; j < m; ++j) {
      top = std::max(top, row[j]);
    }
    for (int64_t k = 0; k < m; ++k) {
      out[i * m + k] = row[k] - top;
    }
  }
"""
ONLINE = """
  for (int64_t i = 0; i < n; ++i) {
    float top = -1e30f;
    float sum = 0.0f;
    for (int64_t j = 0; j < m; ++j) {
      float next = std::max(top, x[i * m + j]);
      sum = sum * std::exp(top - next) + std::exp(x[i * m + j] - next);
      top = next;
    }
    out[i] = sum;
  }
"""


def levels(body: str, facts: dict[str, int] | None = None) -> tuple[int, int, int]:
    text = f"{HEAD}{body}}}\n"
    return describe(Candidate("p", "cpp", (("k.cpp", text),), "k"), facts or {})


@pytest.mark.parametrize(
    ("body", "memory"), [(PLAIN, 0), (SIMD, 1), (VECTORS, 1), (TILED, 2), (SCRATCH, 2), (BLOCKS, 3), (SUMS, 3)]
)
def test_memory(body: str, memory: int) -> None:
    assert levels(body)[0] == memory


@pytest.mark.parametrize(("body", "computation"), [(TWO_PASSES, 0), (PLAIN, 1), (SUMS, 1), (ONLINE, 2), (BLOCKS, 3)])
def test_computation(body: str, computation: int) -> None:
    assert levels(body)[1] == computation


@pytest.mark.parametrize(("body", "spread"), [(PLAIN, 0), (SIMD, 1), (VECTORS, 1), (THREADS, 2), (BOTH, 3)])
def test_spread(body: str, spread: int) -> None:
    assert levels(body)[2] == spread


def test_what_the_compiler_vectorised_counts() -> None:
    assert levels(PLAIN, {"vectorised_loops": 1}) == (1, 1, 1)
    assert levels(PLAIN, {"vectorised_loops": 0}) == levels(PLAIN)


def test_comments_and_names_say_nothing() -> None:
    talk = "  // #pragma omp parallel for simd, f32x16 tiles, register blocks, online exp\n  /* omp parallel */\n"
    boast = PLAIN.replace("i", "omp_parallel_simd_tile")
    assert levels(talk + PLAIN) == levels(PLAIN) == levels(boast)


def test_only_the_evolve_block_is_looked_at() -> None:
    inside = f"// EVOLVE-BLOCK-START\n{HEAD}{PLAIN}}}\n// EVOLVE-BLOCK-END\n"
    outside = "void other(float* x) {\n#pragma omp parallel for\nfor (int i = 0; i < 9; ++i) { x[i] = 0; }\n}\n"
    whole = Candidate("p", "cpp", (("k.cpp", outside + inside),), "k")
    assert describe(whole, {}) == levels(PLAIN)


def test_what_cannot_be_read_is_the_lowest_cell() -> None:
    broken = Candidate("p", "cpp", (("k.cpp", "// EVOLVE-BLOCK-END\n"),), "k")
    assert describe(broken, {}) == (0, 0, 0)
    deep = Candidate("p", "cpp", (("k.cpp", f"int f() {{ return {'(' * 20000}1{')' * 20000}; }}"),), "k")
    assert describe(deep, {}) == (0, 0, 0) or describe(deep, {})[2] == 0


def test_every_axis_has_four_named_levels() -> None:
    assert len(AXES) == len(LEVELS) == 3
    assert all(len(names) == 4 for names in LEVELS)


@pytest.mark.parametrize("name", catalog_names())
def test_plain_seeds_are_plain(name: str) -> None:
    path: Path = find_seed(name)
    memory, computation, spread = describe(Candidate("p", "cpp", ((path.name, path.read_text()),), name), {})
    assert memory in (0, 2)
    assert computation < 3
    assert spread == 0
