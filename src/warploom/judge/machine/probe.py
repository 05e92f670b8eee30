"""Probes: the fastest this machine can be seen to move bytes and multiply numbers, and what an empty call takes."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from warploom.errors import ToolchainError
from warploom.judge.machine.calibration import Peaks
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, CandidateProcess, WorkerFailed
from warploom.sandbox.jail import Jail
from warploom.sandbox.limits import Limits
from warploom.toolchain.protocol import Toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Failed
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.signature import signature

SIZES: tuple[int, ...] = tuple(1 << power for power in (16, 18, 20, 22, 23, 24, 25, 26, 27))
"""Bytes of the streams read; each is read again while it is as warm as a kernel's own data can be."""

REPEATS = 12
"""Many short runs: on a busy machine a short one is sometimes left alone."""

EMPTY_CALLS = 40
CLOCK_READINGS = 20_000
DEADLINE_S = 60.0
NOTHING, STREAM, MULTIPLY = 0, 1, 2
LANES_AT = 64
"""Where the probe says how many floats its vectors hold."""

_STREAM_BYTES = 1 << 26
_STEPS = 1 << 18

PROBES = r"""
#include <cstdint>
#include <omp.h>
#if defined(__AVX512F__)
#define LANES 16
#define REGISTER "+v"
#elif defined(__AVX__)
#define LANES 8
#define REGISTER "+x"
#elif defined(__SSE2__)
#define LANES 4
#define REGISTER "+x"
#else
#define LANES 4
#define REGISTER "+w"
#endif
typedef float V __attribute__((vector_size(4 * LANES)));
typedef int I __attribute__((vector_size(4 * LANES)));

static void stream(const float* x, float* out, int64_t n, int64_t repeats) {
    #pragma omp parallel
    {
        const int64_t threads = omp_get_num_threads(), me = omp_get_thread_num();
        const int64_t vectors = n / LANES, first = vectors * me / threads, last = vectors * (me + 1) / threads;
        const I* p = reinterpret_cast<const I*>(x);
        I a = {}, b = {}, c = {}, d = {};
        for (int64_t r = 0; r < repeats; ++r) {
            int64_t i = first;
            for (; i + 4 <= last; i += 4) { a ^= p[i]; b ^= p[i + 1]; c ^= p[i + 2]; d ^= p[i + 3]; }
            asm volatile("" : REGISTER(a), REGISTER(b), REGISTER(c), REGISTER(d) : : "memory");
        }
        a ^= b ^ c ^ d;
        out[me % 64] = static_cast<float>(a[0]);
    }
}

static void multiply(const float* x, float* out, int64_t steps) {
    #pragma omp parallel
    {
        const float seed = x[0] * 0.0f + 1.0f;
        const V m = V{} + 0.9999f, s = V{} + 0.0001f;
        // Names, not an array: an array of vectors would be kept in memory.
        #define EACH(DO) DO(a) DO(b) DO(c) DO(d) DO(e) DO(f) DO(g) DO(h) DO(i) DO(j) DO(k) DO(l)
        #define MAKE(v) V v = V{} + seed;
        #define STEP(v) v = v * m + s; asm volatile("" : REGISTER(v));
        #define SUM(v) all += v;
        EACH(MAKE)
        for (int64_t n = 0; n < steps; ++n) { EACH(STEP) }
        V all = {};
        EACH(SUM)
        out[omp_get_thread_num() % 64] = all[0];
    }
    out[64] = LANES;
}

extern "C" void probe(const float* x, float* out, int64_t n, int64_t repeats, int64_t kind) {
    if (kind == 1) stream(x, out, n, repeats);
    else if (kind == 2) multiply(x, out, repeats);
}
"""


@dataclass(frozen=True)
class Probed:
    """What the probes saw.

    Attributes:
        peaks: bandwidth and operations.
        round_trip_ns: the quickest of many empty calls: it is taken off others, and must never be too much.
    """

    peaks: Peaks
    round_trip_ns: float


def probe(toolchain: Toolchain, jail: Jail, cache: Path) -> Probed:
    """Measure peaks and round trip; the caller holds the device alone.

    Args:
        toolchain: builds the probes.
        jail: they run in.
        cache: directory of builds.

    Raises:
        ToolchainError: the probes do not build or run.
    """
    problem = Problem(
        name="probe",
        axes=("n", "repeats", "kind"),
        inputs={"x": Tensor("n")},
        outputs={"out": Tensor("65")},
        reference=Reference("", "probe", ""),
        workloads=[Workload(n=1, repeats=1, kind=1)],
    )
    candidate = Candidate(problem.hash, "cpp", (("probe.cpp", PROBES),), "probe", build_flags=("-O3",))
    build = toolchain.build(candidate, signature(problem), cache / "builds")
    if isinstance(build, Failed):
        said = f"{build.message} {build.log_tail}".strip()
        raise ToolchainError(f"the probes that measure this machine's peaks do not build: {said}")
    with SharedBuffer(SIZES[-1]) as inputs, SharedBuffer(4096) as outputs:
        np.frombuffer(inputs.memory, dtype=np.float32)[:] = 1.0
        try:
            with CandidateProcess(Path(build.artifact), "probe", jail, Limits()) as process:
                return _run(process, inputs, outputs)
        except WorkerFailed as error:
            raise ToolchainError(f"the probes that measure this machine's peaks do not run: {error}") from error


def _run(process: CandidateProcess, inputs: SharedBuffer, outputs: SharedBuffer) -> Probed:
    def take(axes: tuple[int, ...], count: int) -> list[int]:
        call = Call(inputs, outputs, (("input", 0), ("output", 0), *(("axis", value) for value in axes)))
        process.stage([call])
        return [process.run(DEADLINE_S) for _ in range(count + 1)][1:]

    round_trip_ns = float(min(take((16, 0, NOTHING), EMPTY_CALLS)))

    def shortest(axes: tuple[int, ...]) -> float:
        """Of a few runs, less the round trip, never less than half: a peak must not be too low, nor nonsense."""
        least = min(take(axes, REPEATS))
        return max(least - round_trip_ns, least / 2)

    bandwidth = {}
    for size in SIZES:
        repeats = max(1, _STREAM_BYTES // size)
        bandwidth[size] = size * repeats / shortest((size // 4, repeats, STREAM))
    elapsed = shortest((16, _STEPS, MULTIPLY))
    threads = len(os.sched_getaffinity(0))
    lanes = int(np.frombuffer(outputs.memory, dtype=np.float32)[LANES_AT])
    return Probed(Peaks(bandwidth, 2.0 * lanes * 12 * _STEPS * threads / elapsed), round_trip_ns)


def probe_clock() -> tuple[float, float]:
    """The clock that the judge times with: its smallest step, and what one reading takes; nanoseconds."""
    readings = [time.perf_counter_ns() for _ in range(CLOCK_READINGS)]
    steps = [later - sooner for sooner, later in itertools.pairwise(readings)]
    return float(min(step for step in steps if step > 0)), float(median(steps))
