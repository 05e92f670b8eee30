"""Looks in the middle of a block: one call after another, or it is no call."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from warploom.judge.content.layout import view
from warploom.judge.fault import Fault
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.measure import rounds
from warploom.judge.timing.sampling import PROMOTE, Plan
from warploom.judge.timing.watch import ATTEMPTS, BEFORE_NS, LATE, MIDDLE, STEADY_NS, Watch
from warploom.sandbox.candidate_process import CandidateProcess, WorkerFailed
from warploom.values.problem import Problem, Reference, Tensor, Workload

CALLS = 8
PROBLEM = Problem(
    name="twice",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n"), "top": Tensor("n", "int64")},
    reference=Reference("twice.py", "twice", ""),
    workloads=[Workload(n=100)],
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(PROBLEM, PROBLEM.workloads[0], np.random.default_rng(0))
    made.make_room(CALLS)
    yield made
    made.close()


class Runner:
    """Stands in for a process: how much of every output is written when it is looked at, and after what share."""

    def __init__(self, bench: Bench, written: list[float], share: float | None, ns: int = 2 * STEADY_NS) -> None:
        self.bench, self.written, self.share, self.ns = bench, written, share, ns
        self.runs = 0

    def run_and_look(
        self, deadline_s: float, until: Callable[[], bool], patience_s: float, look: Callable[[], None]
    ) -> tuple[int, int] | None:
        self.runs += 1
        assert not until()
        self._write(self.written)
        self.stopped = until()
        if self.share is not None:
            look()
        self._write([1.0] * CALLS)
        if self.share is None:
            return None
        return BEFORE_NS + int(self.share * (self.ns - BEFORE_NS)), self.ns

    def _write(self, shares: list[float]) -> None:
        for place, share in enumerate(shares):
            for region in self.bench.outputs_layout.regions:
                values = view(self.bench.outputs[place], region)
                values[: int(share * values.size)] = place


def watched(
    bench: Bench,
    written: list[float],
    share: float | None,
    ns: int = 2 * STEADY_NS,
    usual_ns: int = 10 * STEADY_NS,
    looks: int = 1,
) -> Watch:
    process = cast(CandidateProcess, Runner(bench, written, share, ns))
    watch = Watch(process, bench, CALLS, 1.0, "workload n=100", random.Random(1), looks=looks, rounds=5)
    bench.lay_poison(CALLS)
    watch.run([usual_ns])
    return watch


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_calls_in_order_and_at_their_pace_pass(bench: Bench, share: float) -> None:
    done = int(share * CALLS)
    watch = watched(bench, [1.0] * done + [0.5] + [0.0] * (CALLS - done - 1), share)
    assert watch.blind
    watch.judge()
    assert not watch.wanting
    assert not watch.blind


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([0.5, 0.5], "call 2 of a block had written before call 1 was done"),
        ([1.0, 1.0, 0.0, 1.0], "call 4 of a block had written before call 3 was done"),
        ([1.0, 0.9, *[1.0] * 6], "call 3 of a block had written before call 2"),
    ],
)
def test_calls_out_of_order_are_rejected(bench: Bench, written: list[float], said: str) -> None:
    with pytest.raises(Fault, match=said) as raised:
        watched(bench, written + [0.0] * (CALLS - len(written)), 0.5).judge()
    assert (raised.value.stage, raised.value.kind) == ("time", "unwritten_output")


def test_it_is_stopped_when_a_call_in_the_first_half_begins_to_write(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warploom.judge.timing.watch.BY_TIME", 0.0)

    def stopped(written: int, seed: int) -> bool:
        runner = Runner(bench, [1.0] * written + [0.0] * (CALLS - written), 0.5)
        order = random.Random(seed)
        watch = Watch(cast(CandidateProcess, runner), bench, CALLS, 1.0, "", order, looks=1, rounds=5)
        bench.lay_poison(CALLS)
        watch.run([1])
        return runner.stopped

    assert not any(stopped(1, seed) for seed in range(20))
    assert {stopped(3, seed) for seed in range(20)} == {True, False}
    assert all(stopped(CALLS // 2 + 1, seed) for seed in range(20))


def test_half_the_looks_are_taken_at_a_time_in_the_middle_whatever_is_written(bench: Bench) -> None:
    """What writes nothing before the end is over before it can be stopped for writing."""
    asked: list[tuple[bool, float]] = []

    def run_and_look(
        deadline_s: float, until: Callable[[], bool], patience_s: float, look: Callable[[], None]
    ) -> tuple[int, int] | None:
        for place in range(CALLS):
            for region in bench.outputs_layout.regions:
                view(bench.outputs[place], region)[:] = place
        asked.append((until(), patience_s))
        return None

    process = cast(CandidateProcess, SimpleNamespace(run_and_look=run_and_look))
    watch = Watch(process, bench, CALLS, 1.0, "", random.Random(1), looks=1, rounds=5)
    for _ in range(100):
        bench.lay_poison(CALLS)
        watch.run([1_000_000])
    timed = [patience_s for until, patience_s in asked if not until]
    assert 25 < len(timed) < 75
    assert all(MIDDLE[0] <= 1e3 * patience_s <= MIDDLE[1] for patience_s in timed)
    assert {patience_s for until, patience_s in asked if until} == {2e-3}


def looked_twice(watch: Watch, bench: Bench, usual_ns: int = 10 * STEADY_NS) -> None:
    """Two looks that see the same, and what follows from them."""
    for _ in range(LATE):
        bench.lay_poison(CALLS)
        watch.run([usual_ns])
        watch.judge()
    assert not watch.wanting


def test_work_put_off_until_the_end_is_rejected(bench: Bench) -> None:
    watch = watched(bench, [1.0] + [0.0] * (CALLS - 1), 0.8, looks=LATE)
    watch.judge()  # a processor may have stood still for once
    bench.lay_poison(CALLS)
    watch.run([10 * STEADY_NS])
    with pytest.raises(Fault, match=r"after 80% of the work of a block 1 of its 8 calls were done"):
        watch.judge()


def test_calls_that_were_late_twice_and_far_ahead_else_are_no_work_put_off(bench: Bench) -> None:
    watch = watched(bench, [1.0] * (CALLS - 1) + [0.0], 0.5, looks=3)
    watch.judge()
    runner = Runner(bench, [1.0] + [0.0] * (CALLS - 1), 0.8)
    watch.process = cast(CandidateProcess, runner)
    looked_twice(watch, bench)


def slow_start(bench: Bench, spent_ns: int, whole_ns: int) -> Watch:
    """Of a worker that has spent so much when it has not done its first call."""
    runner = Runner(bench, [0.5] + [0.0] * (CALLS - 1), 0.5)

    def stopped(*given: Any) -> tuple[int, int]:
        runner.run_and_look(*given)
        return spent_ns, whole_ns

    process = cast(CandidateProcess, SimpleNamespace(run_and_look=stopped))
    return Watch(process, bench, CALLS, 1.0, "", random.Random(1), looks=LATE, rounds=5)


def test_what_a_worker_does_before_its_first_call_is_not_work_put_off(bench: Bench) -> None:
    """30 % of the whole were spent before it: as pace of eight calls too slow, as a start not."""
    looked_twice(slow_start(bench, BEFORE_NS, STEADY_NS), bench)
    looked_twice(slow_start(bench, 180_000, 600_000), bench)
    with pytest.raises(Fault, match="0 of its 8 calls were done"):
        looked_twice(slow_start(bench, BEFORE_NS + STEADY_NS // 2, BEFORE_NS + STEADY_NS), bench)


def test_the_pace_of_a_block_that_is_mostly_round_trip_says_nothing(bench: Bench) -> None:
    written = [1.0] + [0.0] * (CALLS - 1)
    looked_twice(watched(bench, written, 0.8, ns=STEADY_NS // 2, looks=LATE), bench)
    with pytest.raises(Fault):
        looked_twice(watched(bench, written, 0.8, looks=LATE), bench)


def test_a_block_that_took_far_more_than_others_has_no_pace(bench: Bench) -> None:
    """Sixteen calls of a tenth of a microsecond, and a worker that took a millisecond to wake."""
    watch = watched(bench, [0.5] + [0.0] * (CALLS - 1), 0.73, usual_ns=2_000, looks=LATE)
    looked_twice(watch, bench, usual_ns=2_000)


@pytest.mark.parametrize(("written", "share"), [(0.0, None), (1.0, 0.9), (0.0, 0.1)])
def test_a_look_too_late_or_too_early_is_tried_again_a_few_times(
    bench: Bench, written: float, share: float | None
) -> None:
    watch = watched(bench, [written] * CALLS, share)
    attempts = 1
    while watch.wanting:
        watch.judge()
        bench.lay_poison(CALLS)
        watch.run([2 * STEADY_NS])
        attempts += 1
    assert attempts == ATTEMPTS
    assert watch.blind


def test_short_blocks_are_not_looked_at(bench: Bench) -> None:
    watch = Watch(cast(CandidateProcess, None), bench, 3, 1.0, "", random.Random(1), looks=3, rounds=20)
    assert not watch.wanting
    assert not watch.blind


def test_a_process_that_fails_meanwhile_is_a_fault(bench: Bench) -> None:
    class Failing:
        def run_and_look(self, *_: object) -> tuple[int, int] | None:
            raise WorkerFailed("crash", "gone", "", "")

    watch = Watch(cast(CandidateProcess, Failing()), bench, CALLS, 1.0, "here", random.Random(1), looks=1, rounds=5)
    bench.lay_poison(CALLS)
    with pytest.raises(Fault, match="here: gone"):
        watch.run([1])


def test_a_promotion_looks_in_rounds_that_do_not_count(bench: Bench) -> None:
    assert PROMOTE.looks > 0
    plan = Plan(least=10, most=10, seconds=1e9, half_width=0, patience_seconds=1e9, few=10, looks=3)
    sides = {"candidate": lambda: 2 * STEADY_NS, "eager": lambda: 300}
    orders = set()
    for seed in range(5):
        runner = Runner(bench, [1.0] * 4 + [0.0] * 4, 0.5)
        order = random.Random(seed)
        watch = Watch(cast(CandidateProcess, runner), bench, CALLS, 1.0, "", order, plan.looks, plan.least)
        checked: list[int] = []
        taken = rounds(bench, sides, CALLS, plan, order, lambda *_: checked.append(runner.runs), inspections=[watch])  # noqa: B023
        assert runner.runs == 3
        assert len(taken.samples["candidate"]) == len(taken.samples["eager"]) == 10
        assert len(checked) == 13
        assert checked[0] == 0
        orders.add(tuple(checked))
    assert len(orders) > 1


def test_no_candidate_runs_between_the_baselines_waking_and_the_clock(bench: Bench) -> None:
    log: list[str] = []

    def waking(name: str) -> Callable[[], None]:
        return lambda: log.append(name)

    def side() -> int:
        log.append("timed")
        return 100

    plan = Plan(least=20, most=20, seconds=1e9, half_width=0, patience_seconds=1e9, few=20)
    wake, last = [waking("candidate"), waking("incumbent")], [waking("eager")]
    sides = {"candidate": side, "eager": side}
    rounds(bench, sides, 1, plan, random.Random(3), lambda *_: None, wake=wake, wake_last=last)
    blocks = [tuple(log[start : start + 3]) for start in range(0, len(log), 5)]
    assert {block[2] for block in blocks} == {"eager"}
    assert {block[0] for block in blocks} == {"candidate", "incumbent"}
