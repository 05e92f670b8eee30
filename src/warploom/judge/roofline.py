"""The fastest this machine can move bytes and multiply numbers; what beats it is not a record but a fault."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from warploom.errors import ToolchainError
from warploom.judge.fault import Fault
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, CandidateProcess, WorkerFailed
from warploom.sandbox.jail import Jail
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.toolchain.protocol import Toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Failed, Timing
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.shape import extent
from warploom.values.signature import signature

MARGIN = 0.8
"""A call may take this share of the time that the measured peaks allow: no peak is measured perfectly."""

SIZES: tuple[int, ...] = tuple(1 << power for power in (16, 18, 20, 22, 23, 24, 25, 26, 27))
"""Bytes of the streams read; each is read again while it is as warm as a kernel's own data can be."""

ROUND_TRIP_NS = 100_000
REPEATS = 3
STREAM, MULTIPLY = 1, 2
LANES_AT = 64
"""Where the probe says how many floats its vectors hold."""

_FLOPS_STEPS = 1 << 21

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
    else multiply(x, out, repeats);
}
"""


class Roofline:
    """Measured peaks of this machine, kept in the cache under its hardware key.

    A peak taken on a busy machine is too low, and would convict honest kernels: so peaks only ever rise, and before
    a kernel is called too fast they are measured once more.

    Args:
        toolchain: builds the probes.
        jail: they run in.
        cache: directory of builds and results.
        hardware: as :func:`warploom.judge.hardware.hardware` gives it.
        lease: of the device.
    """

    def __init__(
        self, toolchain: Toolchain, jail: Jail, cache: Path, hardware: Mapping[str, Any], lease: Lease
    ) -> None:
        self._toolchain, self._jail, self._cache, self._lease = toolchain, jail, cache, lease
        self._file = cache / f"roofline-{hardware['key']}.json"
        self.bytes_per_ns: dict[int, float] = {}
        self.operations_per_ns = 0.0
        with contextlib.suppress(OSError, ValueError, KeyError):
            kept = json.loads(self._file.read_text())
            self.bytes_per_ns = {int(size): float(peak) for size, peak in kept["bytes_per_ns"].items()}
            self.operations_per_ns = float(kept["operations_per_ns"])
        if set(self.bytes_per_ns) != set(SIZES):
            with lease.exclusive():
                self.measure()

    def floor_ns(self, problem: Problem, workload: Workload) -> float:
        """The least time one call can take: bytes over bandwidth, or operations over peak, the longer."""
        traffic = problem.traffic_bytes(workload)
        floor = traffic / self.bandwidth(traffic)
        if problem.operations:
            floor = max(floor, extent(problem.operations, workload.extents) / self.operations_per_ns)
        return floor

    def bandwidth(self, size_bytes: int) -> float:
        """Bytes per nanosecond for data of this size: the best of the sizes from the next smaller one on."""
        below = [size for size in SIZES if size <= size_bytes]
        return max(self.bytes_per_ns[size] for size in SIZES if size >= (below[-1] if below else SIZES[0]))

    def check(self, problem: Problem, timing: Timing) -> float:
        """Fraction of the roofline that a candidate reached.

        Raises:
            Fault: it was faster than this machine can be.
        """
        own = median(timing.samples_ns)
        if own < MARGIN * self.floor_ns(problem, timing.workload):
            self.measure()
        floor = self.floor_ns(problem, timing.workload)
        if own < MARGIN * floor:
            raise Fault(
                "time",
                "too_fast",
                f"workload {timing.workload}: a call took {own / 1e3:.1f} µs, this machine needs at least "
                f"{floor / 1e3:.1f} µs to move the data or do the operations: it cannot have done the work",
            )
        return floor / own

    def describe(self) -> dict[str, Any]:
        """The peaks, as recorded."""
        return {"bytes_per_ns": {str(size): peak for size, peak in self.bytes_per_ns.items()}} | {
            "operations_per_ns": self.operations_per_ns,
            "margin": MARGIN,
        }

    def measure(self) -> None:
        """Measure the peaks and keep those that are higher than before; the caller holds the device alone."""
        problem = Problem(
            name="probe",
            axes=("n", "repeats", "kind"),
            inputs={"x": Tensor("n")},
            outputs={"out": Tensor("65")},
            reference=Reference("", "probe", ""),
            workloads=[Workload(n=1, repeats=1, kind=1)],
        )
        candidate = Candidate(problem.hash, "cpp", (("probe.cpp", PROBES),), "probe", build_flags=("-O3",))
        build = self._toolchain.build(candidate, signature(problem), self._cache / "builds")
        if isinstance(build, Failed):
            said = f"{build.message} {build.log_tail}".strip()
            raise ToolchainError(f"the probes that measure this machine's peaks do not build: {said}")
        with SharedBuffer(SIZES[-1]) as inputs, SharedBuffer(4096) as outputs:
            np.frombuffer(inputs.memory, dtype=np.float32)[:] = 1.0
            try:
                with CandidateProcess(Path(build.artifact), "probe", self._jail, Limits()) as process:
                    for size in SIZES:
                        repeats = max(2, (1 << 26) // size)
                        elapsed = _best(process, inputs, outputs, (size // 4, repeats, STREAM))
                        self._raise_bandwidth(size, size * repeats / elapsed)
                    elapsed = _best(process, inputs, outputs, (16, _FLOPS_STEPS, MULTIPLY))
                    threads = len(os.sched_getaffinity(0))
                    lanes = int(np.frombuffer(outputs.memory, dtype=np.float32)[LANES_AT])
                    self._raise_operations(2.0 * lanes * 12 * _FLOPS_STEPS * threads / elapsed)
            except WorkerFailed as error:
                raise ToolchainError(f"the probes that measure this machine's peaks do not run: {error}") from error
        with contextlib.suppress(OSError):
            whole = self._file.with_suffix(f".{os.getpid()}")
            whole.write_text(json.dumps(self.describe()))
            whole.replace(self._file)

    def _raise_bandwidth(self, size: int, peak: float) -> None:
        self.bytes_per_ns[size] = max(self.bytes_per_ns.get(size, 0.0), peak)

    def _raise_operations(self, peak: float) -> None:
        self.operations_per_ns = max(self.operations_per_ns, peak)


def _best(process: CandidateProcess, inputs: SharedBuffer, outputs: SharedBuffer, axes: tuple[int, ...]) -> int:
    """Shortest of a few runs, less the round trip: a peak must not be too low."""
    call = Call(inputs, outputs, (("input", 0), ("output", 0), *(("axis", value) for value in axes)))
    process.stage([call])
    return max(1, min(process.run(60.0) for _ in range(REPEATS + 1)) - ROUND_TRIP_NS)
