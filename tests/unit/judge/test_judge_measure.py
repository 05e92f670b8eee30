"""Rounds: a random order, one sample a side, fresh content, nothing unchecked."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from warploom.judge.content.layout import view
from warploom.judge.correctness.verify import guarded
from warploom.judge.fault import Fault
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench, Setting
from warploom.judge.timing.measure import SLOW_NS, call_deadline_s, measure, rounds
from warploom.judge.timing.sampling import Plan
from warploom.sandbox.candidate_process import CandidateProcess, WorkerFailed
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.speedup import workload_speedup

PROBLEM = Problem(
    name="twice",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=Reference("twice.py", "twice", ""),
    workloads=[Workload(n=1000)],
)
PLAN = Plan(least=30, most=30, seconds=1e9, half_width=0, patience_seconds=1e9, few=30)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(PROBLEM, PROBLEM.workloads[0], np.random.default_rng(0))
    made.make_room(2)
    yield made
    made.close()


def test_rounds_are_whole_and_in_random_order(bench: Bench) -> None:
    log: list[str] = []
    contents: list[bytes] = []

    def side(name: str, ns: int) -> int:
        log.append(name)
        contents.append(view(bench.inputs, bench.layout.regions[0]).tobytes())
        return ns

    checked: list[tuple[int, int]] = []
    sides = {"candidate": lambda: side("c", 100), "eager": lambda: side("e", 300), "compile": lambda: side("k", 200)}
    taken = rounds(bench, sides, 2, PLAN, random.Random(1), finish=lambda made, by: checked.append((made, len(by))))
    assert len(log) == 90
    assert checked == [(2, 3)] * 30
    orders = {tuple(log[start : start + 3]) for start in range(0, 90, 3)}
    assert all(sorted(order) == ["c", "e", "k"] for order in orders)
    assert len(orders) > 3
    assert all(len(set(contents[start : start + 3])) == 1 for start in range(0, 90, 3)), "a round shares its content"
    assert len(set(contents)) == 30, "and no two rounds do"
    timing = taken.timing(bench, "eager")
    assert timing.samples_ns == (50.0,) * 30
    assert timing.calls == (2, 2)
    assert workload_speedup(timing).median == pytest.approx(3.0)
    assert workload_speedup(taken.timing(bench, "compile")).median == pytest.approx(2.0)


def test_swapped_slots_give_the_reciprocal(bench: Bench) -> None:
    rng = random.Random(2)
    sides = {"candidate": lambda: rng.randint(90, 110), "eager": lambda: rng.randint(190, 210)}
    taken = rounds(bench, sides, 1, PLAN, random.Random(1), finish=lambda *_: None)
    own = workload_speedup(taken.timing(bench, "eager"))
    other = workload_speedup(taken.timing(bench, "candidate", own="eager"))
    assert math.log(own.median) == pytest.approx(-math.log(other.median))
    assert own.low == pytest.approx(1 / other.high)


def test_a_check_that_fails_ends_the_rounds(bench: Bench) -> None:
    def finish(*_: object) -> None:
        raise Fault("time", "wrong_result", "seen")

    with pytest.raises(Fault, match="seen"):
        rounds(bench, {"candidate": lambda: 1, "eager": lambda: 1}, 1, PLAN, random.Random(1), finish)


def test_sampling_waits_for_every_baseline(bench: Bench) -> None:
    noise = random.Random(3)
    plan = Plan(least=5, most=12, seconds=1e9, half_width=0.02, patience_seconds=1e9, few=5)
    quiet = {"candidate": lambda: 100, "eager": lambda: 300}
    assert len(rounds(bench, quiet, 1, plan, random.Random(1), lambda *_: None).samples["eager"]) == 5
    loud = {**quiet, "compile": lambda: noise.randint(100, 1000)}
    assert len(rounds(bench, loud, 1, plan, random.Random(1), lambda *_: None).samples["eager"]) == 12


def test_a_baseline_far_behind_leaves_early_and_keeps_its_pairs(bench: Bench) -> None:
    plan = Plan(least=20, most=20, seconds=0, half_width=0, patience_seconds=1e9, few=5)
    count = iter(range(100, 1000))
    own: list[int] = []

    def candidate() -> int:
        own.append(next(count))
        return own[-1]

    sides = {"candidate": candidate, "compile": lambda: 100_000, "eager": lambda: 90_000, "incumbent": lambda: 250}
    taken = rounds(bench, sides, 1, plan, random.Random(1), lambda *_: None)
    assert {name: len(found) for name, found in taken.samples.items()} == {
        "candidate": 20, "compile": 5, "eager": 20, "incumbent": 20,
    }  # fmt: skip
    assert taken.timing(bench, "compile").samples_ns == tuple(map(float, own[:5]))
    assert taken.timing(bench, "eager").samples_ns == tuple(map(float, own))
    patient = replace(plan, seconds=1e9)
    assert len(rounds(bench, sides, 1, patient, random.Random(1), lambda *_: None).samples["compile"]) == 20, (
        "time is there"
    )


def test_a_worker_that_fails_is_a_fault_of_the_stage_it_failed_in() -> None:
    def fail() -> int:
        raise WorkerFailed("timeout", "too late", "log", "")

    with pytest.raises(Fault, match="workload n=1: too late") as raised:
        guarded("time", "workload n=1", fail)
    assert (raised.value.stage, raised.value.kind, raised.value.log_tail) == ("time", "timeout", "log")


def test_a_deadline_is_generous_and_follows_eager(bench: Bench) -> None:
    assert call_deadline_s(bench) == 10.0
    bench.eager_ns = 1e8
    assert call_deadline_s(bench) == pytest.approx(50.0)


def test_sleepers_run_on_used_content_before_each_round(bench: Bench) -> None:
    log: list[tuple[str, bytes]] = []

    def run(name: str) -> int:
        log.append((name, view(bench.inputs, bench.layout.regions[0]).tobytes()))
        return 100

    sides = {"candidate": lambda: run("c"), "eager": lambda: run("e")}
    rounds(bench, sides, 1, PLAN, random.Random(1), lambda *_: None, wake=[lambda: run("w")])
    assert log[0][0] == "w"
    assert sum(name == "w" for name, _ in log) * 2 == sum(name != "w" for name, _ in log)
    woken = [content for name, content in log if name == "w"]
    timed = {content for name, content in log if name != "w"}
    assert all(content in timed for content in woken[1:]), "what it sees was used up in the round before"
    assert woken[0] not in timed
    assert any(woken[0]), "there is content to wake with"


class Runner:
    """Stands in for a candidate's process and for the reference: counts its blocks."""

    def __init__(self, ns: int, bench: Bench | None = None) -> None:
        self.ns, self.runs, self.bench = ns, 0, bench

    def stage(self, *_: object) -> None: ...

    def collect(self, *_: object) -> None: ...

    def run(self, deadline_s: float) -> int:
        self.runs += 1
        assert self.bench is None or any(view(self.bench.inputs, self.bench.layout.regions[0])), "nothing to compute on"
        return self.ns


@pytest.mark.parametrize(("first_ns", "blocks_a_round"), [(2_000_000, 2), (SLOW_NS + 1, 1)])
def test_quick_kernels_and_their_baseline_are_woken_before_each_round(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, first_ns: int, blocks_a_round: int
) -> None:
    monkeypatch.setattr(Bench, "check", lambda self, calls: None)
    bench.eager_ns = 2e6
    candidate, reference = Runner(first_ns, bench), Runner(3_000_000)
    process, eager = cast(CandidateProcess, candidate), cast(ReferenceProcess, reference)
    (timing,) = measure(process, eager, bench, ["eager"], first_ns, PLAN, random.Random(1))
    trial = 4 if blocks_a_round == 2 else 0
    assert reference.runs == len(timing.samples_ns) * blocks_a_round
    assert candidate.runs == reference.runs + trial


def test_a_kernel_that_was_slow_only_once_is_woken_like_any_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it could choose to be measured, with its baseline, on a machine that has just slept."""
    monkeypatch.setattr(Bench, "check", lambda self, calls: None)
    bench.eager_ns = 2e6
    candidate, reference = Runner(2_000_000), Runner(3_000_000)
    process, eager = cast(CandidateProcess, candidate), cast(ReferenceProcess, reference)
    (timing,) = measure(process, eager, bench, ["eager"], SLOW_NS + 1, PLAN, random.Random(1))
    assert reference.runs == len(timing.samples_ns) * 3
    assert candidate.runs == reference.runs + 4


def test_nobody_inspects_what_cannot_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "check", lambda self, calls: None)
    setting = Setting("its clock", "its device", most_calls=4)
    apart = Bench(PROBLEM, PROBLEM.workloads[0], np.random.default_rng(0), setting=setting)
    apart.eager_ns = 1e4
    blind: list[bool] = []
    candidate, reference = Runner(40_000), Runner(40_000)
    process, eager = cast(CandidateProcess, candidate), cast(ReferenceProcess, reference)
    plan = replace(PLAN, looks=3, cuts=3)
    (timing,) = measure(
        process, eager, apart, ["eager"], 10_000, plan, random.Random(1), blind=lambda: blind.append(True)
    )
    assert (timing.clock, timing.device, timing.calls) == ("its clock", "its device", (4, 4))
    assert not blind
    apart.close()
