from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from warploom.judge.reference.channel import environment
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, CandidateProcess
from warploom.sandbox.jail import find_jail
from warploom.sandbox.limits import Limits
from warploom.toolchain.find import find_toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.signature import signature

MOST_THREADS = 512
WHERE = """
#include <omp.h>
#include <sched.h>
#include <stdint.h>
extern "C" void where(const float* x, float* out, int64_t n) {
    #pragma omp parallel
    {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        sched_getaffinity(0, sizeof allowed, &allowed);
        const int me = omp_get_thread_num();
        out[2 * me] = CPU_COUNT(&allowed);
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) if (CPU_ISSET(cpu, &allowed)) out[2 * me + 1] = cpu;
    }
}
"""


def test_both_sides_get_the_same_threads() -> None:
    own = find_jail().environment()
    other = environment(Path("cache"))
    shared = {name for name in (*own, *other) if name.startswith(("OMP_", "GOMP_"))} - {"OMP_DYNAMIC"}
    assert {"OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY"} <= shared
    assert {name: own.get(name) for name in shared} == {name: other.get(name) for name in shared}
    assert own["OMP_PROC_BIND"] == "true"


def test_a_candidates_threads_stand_on_a_processor_each(tmp_path: Path) -> None:
    """Asked for places by name, OpenMP looks into /sys, finds nothing in the jail, and binds nothing."""
    tensors = {"x": Tensor("n")}, {"out": Tensor(str(2 * MOST_THREADS))}
    problem = Problem("where", ("n",), *tensors, Reference("", "where", ""), [Workload(n=1)])
    candidate = Candidate(problem.hash, "cpp", (("where.cpp", WHERE),), "where")
    build = find_toolchain("cpp").build(candidate, signature(problem), tmp_path)
    assert isinstance(build, Build)
    processors = sorted(os.sched_getaffinity(0))[:MOST_THREADS]
    with SharedBuffer(4096) as inputs, SharedBuffer(8 * MOST_THREADS) as outputs:
        with CandidateProcess(Path(build.artifact), "where", find_jail(), Limits()) as process:
            process.stage([Call(inputs, outputs, (("input", 0), ("output", 0), ("axis", 1)))])
            process.run(20.0)
        found = np.frombuffer(outputs.memory, dtype=np.float32).copy().reshape(-1, 2)[: len(processors)]
    assert set(found[:, 0]) == {1.0}, "each thread may run on one processor alone"
    assert sorted(found[:, 1]) == processors, "and no two on the same"
