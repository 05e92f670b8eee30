"""Blocks that end before their last call: what was asked for is done, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import pytest

from warploom.judge.content.layout import view
from warploom.judge.fault import Fault
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.cut import SEEN, Cuts
from warploom.judge.timing.measure import measure, rounds
from warploom.judge.timing.sampling import PROMOTE, SCREEN, Plan
from warploom.sandbox.candidate_process import WorkerFailed
from warploom.sandbox.runner import Interruptible
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
PLAN = Plan(least=20, most=20, seconds=1e9, half_width=0, patience_seconds=1e9, few=20, cuts=3)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(PROBLEM, PROBLEM.workloads[0], np.random.default_rng(0))
    made.make_room(CALLS)
    made.lay_poison(CALLS)
    yield made
    made.close()


class Process:
    """Stands in for a candidate's: which calls it makes when asked for the first so many, and whether any for all."""

    def __init__(self, bench: Bench, calls: Callable[[int], range] = range, whole: bool = True) -> None:
        self.bench, self.calls, self.whole = bench, calls, whole
        self.asked: list[int] = []
        self.read: Callable[[int], set[int] | None] = lambda calls: set(range(calls))

    def stage(self, *_: object) -> None: ...

    def collect(self, *_: object) -> None: ...

    def run(self, deadline_s: float) -> int:
        self._make(range(self.whole * len(self.bench.laid)))
        return 250_000 * len(self.bench.laid)

    def run_first(self, calls: int, deadline_s: float) -> set[int] | None:
        self.asked.append(calls)
        self._make(self.calls(calls))
        return self.read(calls)

    def run_and_look(self, *_: object) -> None: ...

    pid = 0
    close = __enter__ = __exit__ = stage

    def _make(self, places: range) -> None:
        for place in places:
            for region in self.bench.outputs_layout.regions:
                view(self.bench.outputs[place], region)[:] = 1


def cuts_of(bench: Bench, process: object, wanted: int, seed: int = 0, calls: int = CALLS) -> Cuts:
    return Cuts(cast(Interruptible, process), bench, calls, 1.0, "here", random.Random(seed), wanted, rounds=20)


def test_every_effort_cuts_blocks_short() -> None:
    assert SCREEN.cuts > 0
    assert PROMOTE.cuts > SCREEN.cuts


def test_blocks_end_at_other_calls_each_time_and_never_at_the_last(bench: Bench) -> None:
    seen = set()
    for seed in range(30):
        process = Process(bench)
        cuts = cuts_of(bench, process, CALLS, seed)
        while cuts.wanting:
            bench.lay_poison(CALLS)
            made = cuts.run([])
            assert made == process.asked[-1]
            cuts.judge()
        assert sorted(process.asked) == list(range(1, CALLS)), "each end once: who does two at a time is seen"
        seen.add(tuple(process.asked))
    assert len(seen) > 20


def test_a_call_that_was_not_asked_for_is_rejected(bench: Bench) -> None:
    cuts = cuts_of(bench, Process(bench, lambda calls: range(calls + 1)), 1)
    made = cuts.run([])
    said = f"here: call {made + 1} of a block had written when {made} calls had been asked for"
    with pytest.raises(Fault, match=said) as raised:
        cuts.judge()
    assert (raised.value.stage, raised.value.kind) == ("time", "unwritten_output")


def test_who_reads_ahead_is_rejected_when_it_is_seen_again(bench: Bench) -> None:
    """What is computed ahead in memory of the kernel's own is written in time."""
    process = Process(bench)
    cuts = cuts_of(bench, process, CALLS)

    def cut(read: Callable[[int], set[int] | None]) -> int:
        process.read = read
        bench.lay_poison(CALLS)
        made = cuts.run([])
        cuts.judge()
        return made

    cut(lambda calls: None)
    cut(lambda calls: set(range(calls)))
    for _ in range(SEEN - 1):
        cut(lambda calls: {*range(calls), calls})
    said = r"here: inputs of call (\d) of a block had been read when (\d) calls had been asked for"
    with pytest.raises(Fault, match=said) as raised:
        cut(lambda calls: {*range(calls), calls})
    assert raised.value.kind == "unwritten_output"


def test_one_element_of_the_last_output_is_enough(bench: Bench) -> None:
    cuts = cuts_of(bench, Process(bench), 1)
    cuts.run([])
    view(bench.outputs[CALLS - 1], bench.outputs_layout.regions[-1])[-1] = 7
    with pytest.raises(Fault, match=f"call {CALLS} of a block had written"):
        cuts.judge()


def test_a_block_of_one_call_cannot_be_cut(bench: Bench) -> None:
    assert not cuts_of(bench, None, 3, calls=1).wanting
    assert cuts_of(bench, None, 3, calls=2).wanting


def test_a_process_that_fails_meanwhile_is_a_fault(bench: Bench) -> None:
    class Failing(Process):
        def run_first(self, calls: int, deadline_s: float) -> set[int] | None:
            raise WorkerFailed("crash", "gone", "", "")

    with pytest.raises(Fault, match="here: gone"):
        cuts_of(bench, Failing(bench), 1).run([])


def test_cut_blocks_are_spread_and_do_not_count(bench: Bench) -> None:
    spread = set()
    for seed in range(10):
        process, finished = Process(bench), list[int]()

        def note(made: int, by: object, finished: list[int] = finished) -> None:
            finished.append(made)

        sides = {"candidate": lambda: 800, "eager": lambda: 300}
        cuts = cuts_of(bench, process, PLAN.cuts, seed)
        taken = rounds(bench, sides, CALLS, PLAN, random.Random(seed), note, inspections=[cuts])
        assert [made for made in finished if made < CALLS] == process.asked
        assert len(process.asked) == PLAN.cuts
        assert len(finished) == PLAN.least + PLAN.cuts
        assert finished[0] == CALLS, "how long a block takes must be known"
        assert len(taken.samples["candidate"]) == len(taken.samples["eager"]) == PLAN.least
        spread.add(tuple(finished))
    assert len(spread) == 10


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (range, ""),
        (lambda asked: range(asked - 1), "timed, after . of the 4 calls of a block: output 'out': element 0 was never"),
        (lambda asked: range(4), "timed: call . of a block had written when . calls had been asked for"),
    ],
)
def test_a_kernel_is_measured_with_blocks_cut_short(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, calls: Callable[[int], range], said: str
) -> None:
    bench.eager_ns, bench.allowances = 250_000, ()
    process, reference = Process(bench, calls), Process(bench, whole=False)

    def check(self: Bench, made: int) -> tuple[str, str] | None:
        for place in range(made):
            if not (view(self.outputs[place], self.outputs_layout.regions[0]) == 1).all():
                return "unwritten_output", "output 'out': element 0 was never written"
        return None

    monkeypatch.setattr(Bench, "check", check)

    def timed() -> int:
        own, eager = cast(Interruptible, process), cast(ReferenceProcess, reference)
        return len(measure(own, eager, bench, ["eager"], 500_000, PLAN, random.Random(1))[0].samples_ns)

    if said:
        with pytest.raises(Fault, match=said):
            timed()
    else:
        assert timed() == PLAN.least
        assert len(process.asked) == PLAN.cuts
    assert set(process.asked) <= set(range(1, 4))
