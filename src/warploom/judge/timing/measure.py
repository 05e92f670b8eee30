"""Blocks of calls in randomly ordered rounds: candidate and baselines, one after another, every output checked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from warploom.judge.correctness.verify import guarded
from warploom.judge.fault import Fault, RivalFailed
from warploom.judge.promotion import INCUMBENT
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.cut import Cuts
from warploom.judge.timing.inspection import Inspection
from warploom.judge.timing.sampling import Plan, enough, far_behind
from warploom.judge.timing.strict import Keeper
from warploom.judge.timing.watch import Watch
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.runner import Interruptible, Runner
from warploom.values.outcome import Timing

BLOCK_NS = 1_000_000
"""A block lasts at least so long, so that the round trip to the process is a small part of it."""

SLOW_NS = 20_000_000
"""A call so long needs neither company in its block nor a round to get warm."""

MOST_BLOCK_BYTES = 256 << 20
Side = Callable[[], int]


@dataclass
class Rounds:
    """Samples of one workload: nanoseconds of one block per side and round; a side may leave before the others."""

    calls: int
    samples: dict[str, list[int]] = field(default_factory=dict)

    def timing(self, bench: Bench, baseline: str, own: str = "candidate") -> Timing:
        """The pairs of two sides, a call each."""
        pairs = list(zip(self.samples[own], self.samples[baseline], strict=False))
        return Timing(
            bench.workload,
            baseline,
            tuple(mine / self.calls for mine, _ in pairs),
            tuple(other / self.calls for _, other in pairs),
            calls=(self.calls, self.calls),
            clock=bench.setting.clock,
            device=bench.setting.device,
        )


def block_calls(bench: Bench, call_ns: float) -> int:
    """How many calls a block needs when the faster side takes so long for one."""
    wanted = -(-BLOCK_NS // max(int(call_ns), 1))
    room = MOST_BLOCK_BYTES // (bench.layout.size_bytes + 2 * bench.outputs_layout.size_bytes)
    return int(max(1, min(wanted, bench.setting.most_calls, room)))


def rounds(
    bench: Bench,
    sides: Mapping[str, Side],
    calls: int,
    plan: Plan,
    order: random.Random,
    finish: Callable[[int, Collection[str]], None],
    incumbent: float | None = None,
    own: str = "candidate",
    wake: Sequence[Callable[[], object]] = (),
    wake_last: Sequence[Callable[[], object]] = (),
    inspections: Sequence[Inspection] = (),
) -> Rounds:
    """Measure until there is enough.

    A process that slept for some ten milliseconds while outputs were checked takes longer for its next call: its cores
    went to sleep, its caches went to others. ``wake`` lets every process run once on the content that the round before
    has used up; only then is the content renewed, and the sides take their turns within milliseconds. The baseline
    wakes last: no candidate can do anything to its caches between that and the clock. A baseline that is far behind
    leaves after a few rounds; eager, which outputs are checked against, stays.

    Args:
        bench: memory of the workload; its content is renewed before every round.
        sides: name → run one block; nanoseconds.
        calls: in a block.
        plan: how much is wanted, of every baseline.
        order: draws the order of sides in a round.
        finish: called after every round with the number of calls that were made, and by whom: check their outputs.
        incumbent: see :func:`warploom.judge.timing.sampling.enough`.
        own: the side that the others are baselines of.
        wake: one for each process, in random order; off the clock, results dropped.
        wake_last: processes that are woken after those.
        inspections: of some blocks of the side ``own``; the samples of such a round are dropped.
    """
    taken = Rounds(calls, {name: [] for name in sides})
    names = list(sides)
    sleepers = list(wake)
    complete = False
    bench.fill(calls)  # what sleepers wake with
    begin = time.perf_counter()
    while True:
        order.shuffle(sleepers)
        for process in (*sleepers, *wake_last):
            process()
        bench.renew(calls)
        bench.lay_poison(calls)
        order.shuffle(names)
        inspected = next((one for one in inspections if one.due(len(taken.samples[own]), complete)), None)
        found: dict[str, int] = {}
        made = calls
        for name in names:
            bench.warm(calls)
            if inspected is not None and name == own:
                made = inspected.run(taken.samples[own])
            else:
                found[name] = sides[name]()
        finish(made, names)
        if inspected is not None:
            inspected.judge()
        else:
            for name, ns in found.items():
                taken.samples[name].append(ns)
            elapsed = time.perf_counter() - begin
            timings = [taken.timing(bench, name, own) for name in sides if name != own]
            left = [timing for timing in timings if timing.baseline in names]
            complete = all(enough(timing, plan, elapsed, incumbent) for timing in left)
            for timing in left:
                if timing.baseline != "eager" and far_behind(timing, plan, elapsed):
                    names.remove(timing.baseline)
        if complete and not any(one.wanting for one in inspections):
            return taken


def baseline_side(
    reference: ReferenceProcess, bench: Bench, baseline: str, windows: Sequence[Sequence[int]], deadline_s: float
) -> Side:
    """One block of a baseline; staging it is not on the clock."""

    def run() -> int:
        reference.stage(baseline, bench.workload, bench.inputs, windows)
        return reference.run(deadline_s)

    return run


def measure(
    process: Runner,
    reference: ReferenceProcess,
    bench: Bench,
    baselines: Sequence[str],
    first_ns: int,
    plan: Plan,
    order: random.Random,
    incumbent: float | None = None,
    rival: Runner | None = None,
    blind: Callable[[], object] | None = None,
) -> list[Timing]:
    """Time a candidate against baselines on one workload.

    Args:
        process: the candidate's, verified already.
        reference: runs the baselines; "eager" must be among them, its results are what outputs are checked against.
        bench: memory of the workload.
        baselines: "eager" and perhaps "compile".
        first_ns: what a call of the candidate took in verification.
        plan: how much is wanted.
        order: secret randomness.
        incumbent: log speedup to beat.
        rival: process of the best so far, timed in the same rounds.
        blind: called when no look into a block told anything, see :mod:`warploom.judge.timing.watch`.

    Raises:
        Fault: a timed call was wrong, or the process failed.
        RivalFailed: the rival's process failed, which is not the candidate's fault.
    """
    title = f"workload {bench.workload}, timed"
    # A first call is slower than the next ones: threads start, scratch memory comes.
    calls = block_calls(bench, min(0.6 * first_ns, bench.eager_ns))
    deadline_s = calls * call_deadline_s(bench)
    while True:
        bench.make_room(calls, rival is not None)
        windows = bench.windows(calls)
        guarded("time", title, lambda: _stage(process, bench, windows))  # noqa: B023 - called at once
        plain = {name: baseline_side(reference, bench, name, windows, deadline_s) for name in baselines}
        sides = {name: _collecting(side, reference, bench, calls, name) for name, side in plain.items()}
        sides["candidate"] = lambda: guarded("time", title, lambda: process.run(deadline_s))  # noqa: B023
        if rival is not None:
            sides[INCUMBENT] = _rival_side(rival, bench, windows, deadline_s)
        wake = [sides[name] for name in ("candidate", INCUMBENT) if name in sides]
        wake_last = [_dropping(plain["eager"], reference)]

        def finish(made: int, by: Collection[str]) -> None:
            rejection = bench.check(made)
            if rejection:
                where = "" if made == calls else f", after {made} of the {calls} calls of a block"  # noqa: B023
                raise Fault("time", rejection[0], f"{title}{where}: {rejection[1]}")
            if INCUMBENT in by and (wrong := bench.check(calls, rival=True)):  # noqa: B023
                raise RivalFailed(f"{title}, it was wrong: {wrong[1]}")
            keeper.after_round(made)

        if first_ns > SLOW_NS:
            break
        # Blocks that do not count: every side warm, and the number of calls seen to be right.
        bench.renew(calls)
        turns = (*sides, *["candidate"] * 3)  # of what does next to nothing one hiccup must not make the block short
        fastest = min(sides[name]() for name in turns if name != "eager") / calls
        wanted = block_calls(bench, fastest)
        if wanted <= 1.5 * calls:
            break
        calls = wanted
        deadline_s = calls * call_deadline_s(bench)
    quick = first_ns <= SLOW_NS
    keeper = Keeper(bench, plan.strict, plan.least, order)
    inspections: list[Inspection] = []
    watch = None
    if isinstance(process, Interruptible):
        watch = Watch(process, bench, calls, deadline_s, title, order, plan.looks, plan.least)
        cuts = Cuts(process, bench, calls, deadline_s, title, order, plan.cuts, plan.least)
        inspections = [cuts, watch]
    if not quick:
        wake, wake_last = [], []
    taken = rounds(
        bench, sides, calls, plan, order, finish, incumbent, wake=wake, wake_last=wake_last, inspections=inspections
    )
    keeper.finish()
    own_ns = int(median(taken.samples["candidate"]) / calls)
    if not quick and own_ns <= SLOW_NS:  # it was slow only once: then it gets warm rounds like any other
        return measure(process, reference, bench, baselines, own_ns, plan, order, incumbent, rival, blind)
    if blind is not None and watch is not None and watch.blind:
        blind()
    return [taken.timing(bench, name) for name in taken.samples if name != "candidate"]


def call_deadline_s(bench: Bench) -> float:
    """Deadline of one call: generous, a plain seed may be hundreds of times slower than eager."""
    return max(10.0, 500 * bench.eager_ns / 1e9)


def _rival_side(rival: Runner, bench: Bench, windows: list[list[int]], deadline_s: float) -> Side:
    """A block of the best so far; it was checked in its own time."""

    def run() -> int:
        try:
            return rival.run(deadline_s)
        except WorkerFailed as error:
            raise RivalFailed(str(error)) from error

    try:
        rival.stage(bench.calls(windows, rival=True))
        run()  # once, so that its threads are there, as the candidate's are from its verification
    except WorkerFailed as error:
        raise RivalFailed(str(error)) from error
    return run


def _stage(process: Runner, bench: Bench, windows: list[list[int]]) -> int:
    process.stage(bench.calls(windows))
    return 0


def _dropping(side: Side, reference: ReferenceProcess) -> Side:
    """A baseline's block whose results nobody wants."""

    def run() -> int:
        elapsed = side()
        reference.collect([], [])
        return elapsed

    return run


def _collecting(side: Side, reference: ReferenceProcess, bench: Bench, calls: int, name: str) -> Side:
    """A baseline's block, its results collected for the check (eager) or dropped (others)."""
    results = bench.results[:calls] if name == "eager" else []
    offsets = [region.offset for region in bench.outputs_layout.regions]

    def run() -> int:
        elapsed = side()
        reference.collect(results, offsets)
        return elapsed

    return run
