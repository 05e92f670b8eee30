"""A kernel against itself: the noise floor, taken as a challenger meets the best so far."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from warploom.errors import ToolchainError
from warploom.judge.machine import yardstick
from warploom.judge.promotion import INCUMBENT
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.measure import block_calls, rounds
from warploom.judge.timing.sampling import Plan
from warploom.sandbox.candidate_process import CandidateProcess, WorkerFailed
from warploom.sandbox.jail import Jail
from warploom.sandbox.limits import Limits
from warploom.toolchain.protocol import Toolchain
from warploom.values.outcome import Build, Failed, Timing
from warploom.values.problem import Reference
from warploom.values.signature import signature
from warploom.values.speedup import speedup

DEADLINE_S = 60.0


def compare(toolchain: Toolchain, jail: Jail, cache: Path, count: int, plan: Plan) -> Iterator[list[Timing]]:
    """The yardstick's kernel beside itself, two fresh processes a comparison; the caller holds the device alone.

    Processes of the same kernel differ by where their memory lies, and that does not show in the interval of one
    comparison: so it takes several.

    Args:
        toolchain: builds the kernel.
        jail: it runs in.
        cache: directory of builds.
        count: comparisons.
        plan: how many pairs each.

    Yields:
        The pairs of one comparison, a timing a workload, the other process as baseline "incumbent".

    Raises:
        ToolchainError: the kernel does not build or run.
    """
    problem = yardstick.problem(Reference("", yardstick.NAME, ""))
    build = toolchain.build(yardstick.kernel(problem), signature(problem), cache / "builds")
    if isinstance(build, Failed):
        said = f"{build.message} {build.log_tail}".strip()
        raise ToolchainError(f"the kernel that measures this machine's noise does not build: {said}")
    rng, order = np.random.default_rng(), random.Random()
    benches = [Bench(problem, workload, rng) for workload in problem.workloads]
    try:
        for _ in range(count):
            yield _comparison(build, jail, benches, plan, order)
    except WorkerFailed as error:
        raise ToolchainError(f"the kernel that measures this machine's noise does not run: {error}") from error
    finally:
        for bench in benches:
            bench.close()


def deviation(timings: list[Timing]) -> tuple[float, float]:
    """Log speedup of a comparison over all workloads, 0 in a perfect world, and half the width of its interval."""
    found = speedup(timings, INCUMBENT)
    assert found is not None
    return math.log(found.median), math.log(found.high / found.low) / 2


def _comparison(build: Build, jail: Jail, benches: list[Bench], plan: Plan, order: random.Random) -> list[Timing]:
    path = Path(build.artifact)
    with (
        CandidateProcess(path, yardstick.NAME, jail, Limits()) as one,
        CandidateProcess(path, yardstick.NAME, jail, Limits()) as other,
    ):
        return [_pairs(one, other, bench, plan, order) for bench in benches]


def _pairs(one: CandidateProcess, other: CandidateProcess, bench: Bench, plan: Plan, order: random.Random) -> Timing:
    bench.make_room(1, rival=True)
    one.stage(bench.calls(bench.windows(1)))
    calls = block_calls(bench, min(one.run(DEADLINE_S) for _ in range(3)))
    bench.make_room(calls, rival=True)
    windows = bench.windows(calls)
    one.stage(bench.calls(windows))
    other.stage(bench.calls(windows, rival=True))
    sides = {"candidate": lambda: one.run(DEADLINE_S), INCUMBENT: lambda: other.run(DEADLINE_S)}
    # The last one to wake is never shuffled: here that is nobody, so that the two stand alike.
    wake = [*sides.values(), lambda: None]
    return rounds(bench, sides, calls, plan, order, finish=lambda *_: None, wake=wake).timing(bench, INCUMBENT)
