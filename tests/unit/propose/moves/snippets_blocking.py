"""Nests of the same structure in different spellings, with the sizes they are tried on."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conftest import Argument, Build, call
from warploom.syntax.cpp.query import type_of
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Assign, Evaluate, Function, Loop, Name, RawExpression, Statement, Unit
from warploom.syntax.cpp.walk import Statements, map_bodies, walk

Case = list[Argument]


def batch(build: Build, texts: Sequence[str]) -> list[tuple[ctypes.CDLL, str]]:
    """Every kernel ``f`` of these texts under a name of its own, compiled in two files: headers cost most."""
    halves = ["", ""]
    for number, text in enumerate(texts):
        halves[number % 2] += text.replace("void f(", f"void f{number}(") + "\n"
    libraries = build(halves)
    return [(libraries[number % 2], f"f{number}") for number in range(len(texts))]


def with_sums(unit: Unit) -> str:
    """The unit, counting in ``sums_done`` what its innermost loops add or copy: sixteen for a vector, one otherwise."""

    def weight(statement: Statement, function: Function) -> int:
        match statement:
            case Assign(Name(name)):
                return 16 if type_of(name, function) == "f32x16" else 1
            case Assign():
                return 1
            case _:
                return 0

    def go(function: Function, statements: Statements) -> Statements:
        made: list[Statement] = []
        for statement in statements:
            inside = map_bodies(statement, lambda body: go(function, body))
            if isinstance(statement, Loop) and not any(isinstance(one, Loop) for one in walk(statement.body)):
                count = sum(weight(one, function) for one in statement.body) or 1
                inside = replace(statement, body=(*statement.body, Evaluate(RawExpression(f"sums_done += {count}"))))
            made.append(inside)
        return tuple(made)

    items = tuple(
        replace(item, body=go(item, item.body)) if isinstance(item, Function) else item for item in unit.items
    )
    return 'extern "C" { int64_t sums_done = 0; }\n' + render(Unit(items))


def sums(library: ctypes.CDLL, case: Case) -> int:
    """What one call counts in a library built from :func:`with_sums`."""
    counter = ctypes.c_int64.in_dll(library, "sums_done")
    counter.value = 0
    call(library, "f", case)
    return counter.value


def same(
    before: tuple[ctypes.CDLL, str], after: tuple[ctypes.CDLL, str], cases: Sequence[Case], tolerance: float = 2e-5
) -> None:
    """Both kernels give the same arrays."""
    for case in cases:
        for one, two in zip(call(*before, case), call(*after, case), strict=True):
            np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance, err_msg=str(case))


@dataclass(frozen=True)
class Snippet:
    """A kernel ``f``, and data for it: ``cases(rng, a, b, c)`` gives arguments for three sizes."""

    text: str
    arrays: Callable[[int, int, int], Sequence[int]]

    def case(self, a: int, b: int, c: int) -> Case:
        """Arguments for these sizes: arrays of the lengths that follow from them, then the sizes."""
        rng = np.random.default_rng(a * 10007 + b * 101 + c)
        return [*(rng.standard_normal(max(n, 1)).astype(np.float32) for n in self.arrays(a, b, c)), a, b, c]


PRODUCT = Snippet(
    """extern "C" void f(const float* a, const float* b, float* out, int64_t m, int64_t n, int64_t k) {
    for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            float sum = 0.0f;
            for (int64_t p = 0; p < k; ++p) {
                sum += a[i * k + p] * b[p * n + j];
            }
            out[i * n + j] = sum;
        }
    }
}
""",
    lambda m, n, k: (m * k, k * n, m * n),
)

POINTERS = Snippet(
    """extern "C" void f(const float* a, const float* b, float* out, int64_t m, int64_t n, int64_t k) {
    for (int64_t i = 0; i < m; i++) {
        const float* row = a + i * k;
        float* target = &out[i * n];
        for (int64_t j = 0; j < n; j++) {
            float total = 0.5f;
            for (int64_t p = 0; p <= k - 1; p++) {
                const float left = row[p];
                const float* line = b + p * n;
                total = total + left * line[j];
            }
            target[j] = total > 0.0f ? total : 0.1f * total;
        }
    }
}
""",
    PRODUCT.arrays,
)

TRANSPOSED = Snippet(
    """extern "C" void f(const float* x, const float* w, const float* bias, float* out,
                      int64_t m, int64_t n, int64_t k) {
    for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            float sum = bias[j];
            for (int64_t p = 0; p < k; ++p) {
                sum += x[i * k + p] * w[j * k + p];
            }
            out[i * n + j] = std::max(sum, 0.0f) / (1.0f + std::exp(-sum));
        }
    }
}
""",
    lambda m, n, k: (m * k, n * k, n, m * n),
)

CONVOLUTION = Snippet(
    """extern "C" void f(const float* x, const float* w, float* out, int64_t channels, int64_t filters, int64_t size) {
    const int64_t wide = size - 2;
    for (int64_t f = 0; f < filters; ++f) {
        for (int64_t y = 0; y < wide; ++y) {
            for (int64_t z = 0; z < wide; ++z) {
                float acc = 0;
                for (int64_t c = 0; c < channels; ++c) {
                    for (int64_t u = 0; u < 3; ++u) {
                        for (int64_t v = 0; v < 3; ++v) {
                            acc += x[(c * size + y + u) * size + z + v] * w[((f * channels + c) * 3 + u) * 3 + v];
                        }
                    }
                }
                out[(f * wide + y) * wide + z] = acc;
            }
        }
    }
}
""",
    lambda channels, filters, size: (channels * size * size, filters * channels * 9, filters * size * size),
)

TURNED = Snippet(
    """extern "C" void f(const float* a, const float* b, float* out, int64_t m, int64_t n, int64_t k) {
    for (int64_t j = 0; j < n; ++j) {
        for (int64_t i = 0; i < m; ++i) {
            float sum = 0.0f;
            for (int64_t p = 0; p < k; ++p) {
                sum += a[i * k + p] * b[p * n + j];
            }
            out[j * m + i] += 2.0f * sum;
        }
    }
}
""",
    PRODUCT.arrays,
)

WINDOW = Snippet(
    """extern "C" void f(const float* x, float* out, int64_t planes, int64_t height, int64_t width) {
    const int64_t high = height - 1;
    const int64_t wide = width - 2;
    for (int64_t p = 0; p < planes; ++p) {
        for (int64_t y = 0; y < high; ++y) {
            for (int64_t z = 0; z < wide; ++z) {
                float largest = -INFINITY;
                for (int64_t u = 0; u < 2; ++u) {
                    for (int64_t v = 0; v < 3; ++v) {
                        const float value = x[(p * height + y + u) * width + z + v];
                        if (value > largest) largest = value;
                    }
                }
                out[(p * high + y) * wide + z] = largest;
            }
        }
    }
}
""",
    lambda planes, height, width: (planes * height * width, planes * height * width),
)

ATTENTION = Snippet(
    """extern "C" void f(const float* q, const float* k, const float* v, float* out,
                      int64_t heads, int64_t context, int64_t dim) {
    const int64_t group = 3;
    for (int64_t h = 0; h < heads; ++h) {
        const float* key = k + (h / group) * context * dim;
        float scores[context];
        float top = -INFINITY;
        for (int64_t t = 0; t < context; ++t) {
            float dot = 0.0f;
            for (int64_t d = 0; d < dim; ++d) dot += q[h * dim + d] * key[t * dim + d];
            scores[t] = dot;
            top = dot > top ? dot : top;
        }
        float total = 0.0f;
        for (int64_t t = 0; t < context; ++t) {
            scores[t] = expf(scores[t] - top);
            total += scores[t];
        }
        for (int64_t d = 0; d < dim; ++d) {
            float sum = 0.0f;
            for (int64_t t = 0; t < context; ++t) sum += scores[t] * v[(h / group * context + t) * dim + d];
            out[h * dim + d] = sum / total;
        }
    }
}
""",
    lambda heads, context, dim: (
        heads * dim,
        -(-heads // 3) * context * dim,
        -(-heads // 3) * context * dim,
        heads * dim,
    ),
)

BYTES = Snippet(
    """extern "C" void f(const int8_t* w, const float* x, float* out, int64_t m, int64_t n, int64_t unused) {
    for (int64_t i = 0; i < m; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < n; ++j) sum += float(w[i * n + j]) * x[j];
        out[i] = sum;
    }
}
""",
    lambda m, n, unused: (m * n, n, m),
)
