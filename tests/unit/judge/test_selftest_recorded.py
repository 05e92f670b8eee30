"""The measurement checks itself on noise that was recorded once: real samples, real rounds, real statistics.

``recorded_noise.json`` holds a kernel beside itself, block by block, made by ``benchmarks/noise.py``; beside it stands
simulated noise as calm as a quiet machine's. A judge that plays calm noise back, with a known slowdown put in, must
satisfy every relation of the self-test; each fault that harnesses are known for (exploit 39) must break one.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warploom.judge.machine import yardstick
from warploom.judge.machine.calibration import noise_floor
from warploom.judge.mint import mint
from warploom.judge.promotion import INCUMBENT, promotes
from warploom.judge.selftest.relations import Relation, Relations
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.measure import rounds
from warploom.judge.timing.sampling import PROMOTE
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Build, Evaluation, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.speedup import speedup

RECORDED = json.loads(Path(__file__).with_name("recorded_noise.json").read_text())["states"]


def simulated(seed: int) -> dict[str, Any]:
    """A comparison on a quiet machine: 1.5 % of noise, a sample in twelve half as long again, both sides drifting."""
    rng = np.random.default_rng(seed)
    timings = []
    for call_ns, calls in ((2.2e6, 1), (0.7e6, 3)):
        drift = np.cumsum(rng.normal(0, 0.005, 60))
        sides = [call_ns * np.exp(drift + rng.normal(0, 0.015, 60)) for _ in range(2)]
        for side in sides:
            side[rng.random(60) < 1 / 12] *= 1.5
        timings.append({"calls": calls, "own_ns": sides[0].tolist(), "other_ns": sides[1].tolist()})
    return {"timings": timings}


RECORD = {"simulated": {"comparisons": [simulated(seed) for seed in range(8)]}, **RECORDED}
STATES = sorted(RECORD)
CALM = [state for state in STATES if state != "loaded"]
ROUND_TRIP_NS = 40_000.0
EAGER = 0.4
"""What PyTorch takes in this play, as a share of the kernel."""

PROBLEM = yardstick.problem(Reference("", yardstick.NAME, "0"))
SMALL = Problem("small", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference("", "small", ""), [Workload(n=16)])


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Where the play is performed: its content matters to nobody."""
    made = Bench(SMALL, SMALL.workloads[0], np.random.default_rng(0))
    made.make_room(16)
    yield made
    made.close()


def what_is_known(candidate: Candidate) -> tuple[float, float, str]:
    """Slowdown, least nanoseconds and work of a yardstick's kernel, read off its source."""
    slowdown = re.search(r"slowdown = ([\d.]+);", candidate.source)
    least = re.search(r"least_ns = (\d+)", candidate.source)
    assert slowdown
    assert least
    work = next(
        one
        for one in (yardstick.ONE_ELEMENT_WRONG, yardstick.RIGHT, yardstick.NOTHING_WRITTEN)
        if f"    {one}\n" in candidate.source
    )
    return float(slowdown[1]), float(least[1]), work


class Replay:
    """A judge whose machine is the record."""

    def __init__(self, bench: Bench, state: str, seed: int = 0) -> None:
        self._bench, self._comparisons = bench, RECORD[state]["comparisons"]
        self._order = random.Random(seed)
        self._next = self._order.randrange(len(self._comparisons))

    def evaluate(self, job: Job) -> Evaluation:
        if job.problem != PROBLEM.hash:
            return Failed("judge", "rejected", "another problem")
        work = what_is_known(job.candidate)[2]
        if work != yardstick.RIGHT:
            return self.fail(work)
        self._next += 1
        comparison = self._comparisons[self._next % len(self._comparisons)]
        timings = [timing for series in comparison["timings"] for timing in self.play(series, job)]
        build = Build("kernel.so", f"{job.candidate.id}{0:048d}", "g++", (), "", 0)
        return self.mint(Passed(build, Verdict(()), tuple(timings)), job)

    def play(self, series: dict[str, Any], job: Job) -> list[Timing]:
        """The rounds of one workload."""
        calls, start = series["calls"], self._order.randrange(len(series["own_ns"]))
        sides = {"candidate": self.side(series["own_ns"], start, calls, job.candidate)}
        sides["eager"] = self.side([EAGER * ns for ns in series["other_ns"]], start + 7, calls, None)
        if job.rival is not None:
            sides[INCUMBENT] = self.side(series["other_ns"], start, calls, job.rival)
        taken = rounds(self._bench, sides, calls, PROMOTE, self._order, finish=lambda *_: None)
        return [taken.timing(self._bench, name) for name in sides if name != "candidate"]

    def side(self, recorded: list[float], start: int, calls: int, candidate: Candidate | None) -> Callable[[], int]:
        """Blocks as long as recorded, what the kernel waits added to each."""
        position = start

        def run() -> int:
            nonlocal position
            position += 1
            work = recorded[position % len(recorded)] - ROUND_TRIP_NS / calls
            return round(self.block(work, candidate) * calls + ROUND_TRIP_NS)

        return run

    def block(self, work_ns: float, candidate: Candidate | None) -> float:
        """What a call takes."""
        if candidate is None:
            return work_ns
        slowdown, least_ns, _ = what_is_known(candidate)
        return max(work_ns * (1 + slowdown), least_ns)

    def fail(self, work: str) -> Evaluation:
        return Failed("verify", "unwritten_output" if work == yardstick.NOTHING_WRITTEN else "wrong_result", "seen")

    def mint(self, passed: Passed, job: Job) -> Passed:
        return replace(passed, mint=mint(job.candidate, passed.build, PROBLEM, {}))

    def close(self) -> None: ...


def floor(state: str) -> float:
    """The noise floor as a calibration takes it, from the record."""
    return noise_floor([deviation(comparison) for comparison in RECORD[state]["comparisons"]])


def deviation(comparison: dict[str, Any]) -> tuple[float, float]:
    found = speedup([recorded(series) for series in comparison["timings"]], INCUMBENT)
    assert found is not None
    return math.log(found.median), math.log(found.high / found.low) / 2


def recorded(series: dict[str, Any], pairs: slice = slice(None), factor: float = 1.0) -> Timing:
    """A stretch of a record, the candidate's side so many times as long."""
    own = tuple(factor * ns for ns in series["own_ns"][pairs])
    return Timing(Workload(n=1), INCUMBENT, own, tuple(series["other_ns"][pairs]))


def relations(judge: Replay, state: str) -> dict[str, Relation]:
    return {one.name: one for one in Relations(judge, PROBLEM, floor(state), ROUND_TRIP_NS).run()}


# ------------------------------------------------------------ the statistics alone


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("slowdown", [0.0, 0.05, 0.2, 1.0])
def test_intervals_of_recorded_noise_cover_what_was_put_in(state: str, slowdown: float) -> None:
    """At the nominal rate, the noise floor beside the interval; twenty pairs, as many as a promotion has at least."""
    within, count = 0, 0
    for comparison in RECORD[state]["comparisons"]:
        for first in range(0, 60, 20):
            chosen = slice(first, first + 20)
            timings = [recorded(series, chosen, 1 + slowdown) for series in comparison["timings"]]
            found = speedup(timings, INCUMBENT)
            assert found is not None
            off = floor(state)
            within += math.log(found.low) - off <= -math.log(1 + slowdown) <= math.log(found.high) + off
            count += 1
    assert count >= 12
    assert within >= 0.9 * count


@pytest.mark.parametrize("state", STATES)
def test_sides_of_a_record_that_are_swapped_give_the_reciprocal(state: str) -> None:
    for comparison in RECORD[state]["comparisons"]:
        timings = [recorded(series, factor=1.2) for series in comparison["timings"]]
        swapped = [
            replace(one, samples_ns=one.reference_samples_ns, reference_samples_ns=one.samples_ns) for one in timings
        ]
        own, other = speedup(timings, INCUMBENT), speedup(swapped, INCUMBENT)
        assert own is not None
        assert other is not None
        assert own.median * other.median == pytest.approx(1.0)
        assert own.low * other.high == pytest.approx(1.0)


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_promoted_over_itself_and_what_is_much_faster_is(state: str) -> None:
    for comparison in RECORD[state]["comparisons"]:
        same = [recorded(series) for series in comparison["timings"]]
        assert not promotes(same, 0.0, floor(state))
        faster = [recorded(series, factor=0.4) for series in comparison["timings"]]
        assert promotes(faster, 0.0, floor(state))


# ------------------------------------------------------------ the self-test


@pytest.mark.parametrize("state", CALM)
def test_an_honest_judge_satisfies_every_relation(bench: Bench, state: str) -> None:
    found = relations(Replay(bench, state), state)
    assert len(found) == 10
    assert [one for one in found.values() if not one.holds] == []
    for slowdown in (0.05, 0.2, 1.0):
        figures = found[f"a slowdown of {slowdown:.0%} is recovered"].figures
        assert figures["wanted"] == pytest.approx(1 / (1 + slowdown))
        assert figures["low"] <= figures["median"] <= figures["high"]


def test_noise_that_drowns_everything_is_named_and_wrong_kernels_fail_in_it_all_the_same(bench: Bench) -> None:
    found = Relations(Replay(bench, "loaded"), PROBLEM, 2.0, ROUND_TRIP_NS)
    slower = {one.name: one for one in found.slowdowns()}
    assert all("too noisy now" in one.detail for one in slower.values())
    assert [one.holds for one in slower.values()] == [True, True, False], "twice the time must be told from the same"
    assert all(one.holds for one in (*found.broken(), *found.other_problem()))


class Exchanged(Replay):
    """Baseline and candidate swapped."""

    def mint(self, passed: Passed, job: Job) -> Passed:
        swapped = [
            replace(one, samples_ns=one.reference_samples_ns, reference_samples_ns=one.samples_ns)
            for one in passed.timings
        ]
        return super().mint(replace(passed, timings=tuple(swapped)), job)


class Unpatched(Replay):
    """The source before the change is timed."""

    def block(self, work_ns: float, candidate: Candidate | None) -> float:
        return super().block(work_ns, None)


class ColdBaseline(Replay):
    """The candidate is warm, what it is compared with is cold."""

    def mint(self, passed: Passed, job: Job) -> Passed:
        colder = [
            replace(one, reference_samples_ns=tuple(1.5 * ns for ns in one.reference_samples_ns))
            for one in passed.timings
        ]
        return super().mint(replace(passed, timings=tuple(colder)), job)


class WholeHarness(Replay):
    """The harness's own twenty milliseconds are taken for the kernel's."""

    def block(self, work_ns: float, candidate: Candidate | None) -> float:
        return super().block(work_ns, candidate) + 20e6


class Believing(Replay):
    """Every kernel passes."""

    def fail(self, work: str) -> Evaluation:
        return Passed(Build("", "", "", (), "", 0), Verdict(()), ())


class Remembering(Replay):
    """What the first kernel got is given to all."""

    kept: Evaluation | None = None

    def evaluate(self, job: Job) -> Evaluation:
        self.kept = self.kept or super().evaluate(job)
        return self.kept


class Unminted(Replay):
    """Nobody knows what was measured."""

    def mint(self, passed: Passed, job: Job) -> Passed:
        return passed


SLOW = {"a slowdown of 20% is recovered", "a slowdown of 100% is recovered"}
WRONG = {"a kernel with one wrong element fails", "a kernel that writes nothing fails"}


@pytest.mark.parametrize(
    ("judge", "broken"),
    [
        (Exchanged, {*SLOW, "swapped sides give the reciprocal", "a call takes the time it takes"}),
        (Unpatched, {*SLOW, "a call takes the time it takes"}),
        (ColdBaseline, {"a kernel is as fast as itself", "swapped sides give the reciprocal", *SLOW}),
        (WholeHarness, {"a slowdown of 100% is recovered", "a call takes the time it takes"}),
        (Believing, WRONG),
        (Remembering, {*SLOW, *WRONG, "a job for another problem is refused"}),
        (Unminted, {"an evaluation of another candidate does not count"}),
    ],
)
@pytest.mark.parametrize("state", CALM)
def test_a_faulty_harness_breaks_a_relation(bench: Bench, state: str, judge: type[Replay], broken: set[str]) -> None:
    found = relations(judge(bench, state), state)
    assert {name for name, one in found.items() if not one.holds} >= broken
