"""A small problem with a kernel whose slowness is known: what the measurement itself is measured with.

The kernel multiplies two matrices, then waits for a given share of the time which that took it. Its slowdown is
therefore exact on any machine and under any load, whatever the work costs: a call takes ``1 + slowdown`` times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from warploom.values.candidate import Candidate
from warploom.values.problem import Problem, Reference, Tensor, Workload

NAME = "yardstick"
PROBLEM_FILE = Path(__file__).with_name("yardstick_problem.py")
"""The problem with its PyTorch reference, to be loaded through :mod:`warploom.problems`."""

WORKLOADS = (Workload(rows=512, inner=512, cols=512), Workload(rows=4, inner=1024, cols=2048))
"""One that computes, one that streams its data: a cache that is warmer for one side shows in the second."""

HELD_OUT = (Workload(rows=1, inner=1, cols=1), Workload(rows=37, inner=129, cols=70, recipe="wide"))

KERNEL = r"""
#include <stdint.h>
#include <time.h>

static int64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void multiply(const float* __restrict x, const float* __restrict w, float* __restrict out,
                     int64_t rows, int64_t inner, int64_t cols) {
    #pragma omp parallel for schedule(static)
    for (int64_t begin = 0; begin < cols; begin += 64) {
        const int64_t width = cols - begin < 64 ? cols - begin : 64;
        for (int64_t row = 0; row < rows; ++row) {
            float sum[64] = {};
            for (int64_t k = 0; k < inner; ++k)
                for (int64_t j = 0; j < width; ++j) sum[j] += x[row * inner + k] * w[k * cols + begin + j];
            for (int64_t j = 0; j < width; ++j) out[row * cols + begin + j] = sum[j];
        }
    }
}

extern "C" void yardstick(const float* x, const float* w, float* out, int64_t rows, int64_t inner, int64_t cols) {
    const double slowdown = SLOWDOWN;
    const int64_t least_ns = LEAST_NS, begin = now_ns();
    WORK
    const int64_t took = now_ns() - begin, wanted = took + (int64_t)(slowdown * took);
    const int64_t end = begin + (wanted > least_ns ? wanted : least_ns);
    while (now_ns() < end) {}
}
"""

RIGHT = "multiply(x, w, out, rows, inner, cols);"
ONE_ELEMENT_WRONG = f"{RIGHT} out[rows * cols / 2] += 0.01f;"
NOTHING_WRITTEN = ""


def problem(reference: Callable[..., Any] | Reference) -> Problem:
    """The product of x, shape [rows, inner], and w, shape [inner, cols]; float32."""
    return Problem(
        name=NAME,
        axes=("rows", "inner", "cols"),
        inputs={"x": Tensor("rows inner"), "w": Tensor("inner cols")},
        outputs={"out": Tensor("rows cols")},
        reference=reference,
        workloads=WORKLOADS,
        held_out=HELD_OUT,
        title="a matrix product whose kernel's slowness is known",
        operations="2*rows*inner*cols",
    )


def kernel(problem: Problem, slowdown: float = 0.0, least_ns: int = 0, work: str = RIGHT) -> Candidate:
    """The kernel as a candidate.

    Args:
        problem: the yardstick, however it was made.
        slowdown: share of its time that each call waits in addition.
        least_ns: nanoseconds that a call takes at least.
        work: what it does, in C++.
    """
    text = KERNEL.replace("SLOWDOWN", repr(slowdown)).replace("LEAST_NS", str(least_ns)).replace("WORK", work)
    return Candidate(problem.hash, "cpp", (("kernel.cpp", text),), NAME)
