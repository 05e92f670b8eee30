"""Calls back to back on a device, "offline": what a kernel is worth in a stream of work.

The verdict rests on calls made alone (docs/decisions/0014). These figures stand apart, against a baseline of their own
name, and promote nobody: while one call runs, the inputs of the next lie on the device already.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from warploom.errors import ReferenceFailed
from warploom.judge.correctness.verify import guarded
from warploom.judge.fault import Fault
from warploom.judge.session import Session
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.measure import MOST_BLOCK_BYTES, call_deadline_s
from warploom.sandbox.gpu_process import GpuProcess
from warploom.values.outcome import Timing

PAIRS = 10
MOST_CALLS = 16
SHORT_NS = 50_000
"""Calls that take less are replayed from a graph: else the launches are what is measured."""


def offline(baseline: str) -> str:
    """The name under which a baseline stands when its calls were made back to back."""
    return f"{baseline} offline"


def measure_offline(
    process: GpuProcess, session: Session, timings: Sequence[Timing], baselines: Sequence[str]
) -> tuple[list[Timing], dict[str, str]]:
    """Pairs of trains on every timed workload, in random order, every output checked.

    A baseline that cannot be captured may lose its process; then there are none, and a note says why.

    Args:
        process: the candidate's, timed alone already.
        session: the trusted side.
        timings: of its calls alone: short ones are replayed from a graph.
        baselines: that are ready.

    Returns:
        The timings, and notes for the environment.

    Raises:
        Fault: a call was wrong, or the process failed.
    """
    found: list[Timing] = []
    try:
        for bench in session.benches:
            own = [one for one in timings if str(one.workload) == str(bench.workload)]
            graph = bool(own) and median(own[0].samples_ns) < SHORT_NS
            found += _trains(process, session, bench, baselines, graph)
    except ReferenceFailed as error:
        session.restart_reference()
        return [], {"offline": f"not measured: {error}"}
    return found, {}


def _trains(process: GpuProcess, session: Session, bench: Bench, baselines: Sequence[str], graph: bool) -> list[Timing]:
    each = bench.layout.size_bytes + 2 * bench.outputs_layout.size_bytes
    calls = max(1, min(MOST_CALLS, MOST_BLOCK_BYTES // each))
    bench.make_room(calls)
    windows = bench.windows(calls)
    title, deadline_s = f"workload {bench.workload}, calls back to back", (calls + 1) * call_deadline_s(bench)
    bench.renew(calls)
    guarded("time", title, lambda: _stage(process, bench, windows))
    guarded("time", title, lambda: process.run(deadline_s))  # so that every train finds the content of another
    offsets = [region.offset for region in bench.outputs_layout.regions]
    samples: dict[str, list[float]] = {name: [] for name in ("candidate", *baselines)}
    for _ in range(PAIRS):
        bench.renew(calls)
        bench.lay_poison(calls)
        sides = list(samples)
        session.order.shuffle(sides)
        for side in sides:
            if side == "candidate":
                elapsed = guarded("time", title, lambda: process.run_together(deadline_s, graph))
            else:
                session.reference.stage(side, bench.workload, bench.inputs, windows)
                elapsed = session.reference.run_together(deadline_s, graph)
                session.reference.collect(bench.results[:calls] if side == "eager" else [], offsets)
            samples[side].append(elapsed / calls)
        rejection = bench.check(calls)
        if rejection:
            raise Fault("time", rejection[0], f"{title}: {rejection[1]}")
    own, setting = tuple(samples["candidate"]), bench.setting
    return [
        Timing(
            bench.workload,
            offline(name),
            own,
            tuple(samples[name]),
            calls=(calls, calls),
            clock=setting.clock,
            device=setting.device,
        )
        for name in baselines
    ]


def _stage(process: GpuProcess, bench: Bench, windows: list[list[int]]) -> int:
    process.stage(bench.calls(windows))
    return 0
