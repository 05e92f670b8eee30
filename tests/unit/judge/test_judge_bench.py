"""The memory of timed calls: windows, fresh content, and a check that misses nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from warploom.judge.comparison.compare import Allowance
from warploom.judge.content.calls import arguments
from warploom.judge.content.layout import Array, view
from warploom.judge.machine.calibration import SMALLEST_FLOOR
from warploom.judge.session import noise_floor
from warploom.judge.timing import strict
from warploom.judge.timing.bench import MOST_CALLS, Bench, TimedCall
from warploom.judge.timing.measure import BLOCK_NS, block_calls
from warploom.judge.timing.strict import Keeper
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.speedup import Speedup

PROBLEM = Problem(
    name="twice",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "w": Tensor("cols", "int8")},
    outputs={"out": Tensor("rows cols"), "top": Tensor("rows", "int64")},
    reference=Reference("twice.py", "twice", ""),
    workloads=[Workload(rows=64, cols=500)],
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(PROBLEM, PROBLEM.workloads[0], np.random.default_rng(0))
    made.allowances = (Allowance(1e-5, 1e-5), Allowance(0, 0))
    made.make_room(3)
    yield made
    made.close()


def fill_right(bench: Bench, calls: int) -> None:
    """Outputs as they should be."""
    rng = np.random.default_rng(9)
    for output, result in zip(bench.outputs[:calls], bench.results, strict=False):
        for region in bench.outputs_layout.regions:
            values = view(result, region)
            values[:] = rng.integers(-100, 100, size=values.size)
            view(output, region)[:] = values


def test_every_call_has_inputs_of_its_own_that_start_at_a_cache_line_of_their_own(bench: Bench) -> None:
    bench.make_room(MOST_CALLS)
    windows = bench.windows(MOST_CALLS)
    for index, region in enumerate(bench.layout.regions):
        starts = [window[index] for window in windows]
        assert all(start % 64 == 0 for start in starts)
        assert len({start % 4096 for start in starts}) > 4
        assert all(later - start >= region.size_bytes for start, later in pairwise(starts))
        assert starts[-1] + region.size_bytes <= bench.inputs.size_bytes
    assert bench.windows(3) != bench.windows(3)


def test_renewed_content_is_new_everywhere_and_no_call_sees_what_another_does(bench: Bench) -> None:
    seen: list[list[Array]] = [[], []]
    for _ in range(2):
        bench.renew(3)
        for window in bench.windows(3):
            for index, (offset, region) in enumerate(zip(window, bench.layout.regions, strict=True)):
                seen[index].append(view(bench.inputs, replace(region, offset=offset)).copy())
    floats, integers = seen
    assert len(np.unique(np.abs(np.concatenate(floats)))) > 0.99 * 6 * 64 * 500
    assert all((one != other).mean() > 0.9 for one, other in combinations(integers, 2))


def test_all_that_a_block_reads_is_renewed_and_touched(bench: Bench) -> None:
    bench.inputs.memory[:] = bytes(bench.inputs.size_bytes)
    bench.renew(2)
    assert bench.warm(2) > 0
    size = bench.layout.size_bytes
    assert not any(bench.inputs.memory[2 * size : 3 * size])
    bench.inputs.memory[: 2 * size] = bytes(2 * size)
    assert bench.warm(2) == 0
    bench.inputs.memory[2 * size - 64] = 7
    assert bench.warm(2) == 7
    assert bench.warm(1) == 0


def test_calls_carry_window_outputs_and_axes(bench: Bench) -> None:
    windows = bench.windows(2)
    first, second = bench.calls(windows)
    assert first.outputs is not second.outputs
    offsets = [region.offset for region in bench.outputs_layout.regions]
    assert second.arguments == arguments(windows[1], offsets, PROBLEM, bench.workload)
    assert [role for role, _ in first.arguments] == ["input", "input", "output", "output", "axis", "axis"]
    assert [value for _, value in first.arguments][-2:] == [64, 500]


def test_right_outputs_pass(bench: Bench) -> None:
    bench.lay_poison(3)
    fill_right(bench, 3)
    assert bench.check(3) is None


@pytest.mark.parametrize("call", [0, 1, 2])
def test_every_output_of_every_call_is_checked(bench: Bench, call: int) -> None:
    out, top = bench.outputs_layout.regions
    for region, place in ((out, 64 * 500 - 1), (top, 63)):
        bench.lay_poison(3)
        fill_right(bench, 3)
        view(bench.outputs[call], region)[place] += 1
        rejection = bench.check(3)
        assert rejection is not None
        assert rejection[0] == "wrong_result"
        assert repr(region.name) in rejection[1]


def test_unwritten_and_overrun_are_seen_in_timed_calls(bench: Bench) -> None:
    bench.lay_poison(2)
    assert (bench.check(2) or ("",))[0] == "unwritten_output"
    fill_right(bench, 2)
    end = bench.outputs_layout.regions[0].offset + bench.outputs_layout.regions[0].size_bytes
    bench.outputs[1].memory[end + 5] ^= 0xFF
    assert (bench.check(2) or ("",))[0] == "out_of_bounds"


def test_stale_outputs_do_not_pass(bench: Bench) -> None:
    bench.lay_poison(1)
    fill_right(bench, 1)
    assert bench.check(1) is None
    bench.lay_poison(1)
    assert bench.check(1) is not None


def test_blocks_are_long_enough_and_bounded(bench: Bench) -> None:
    assert block_calls(bench, 5e6) == 1
    assert block_calls(bench, 0.5 * BLOCK_NS) == 2
    assert block_calls(bench, 0.4 * BLOCK_NS) == 3
    assert block_calls(bench, 100) == MOST_CALLS


def test_the_noise_floor_is_what_a_kernel_against_itself_shows() -> None:
    assert noise_floor(Speedup(1.0, 0.999, 1.001)) == SMALLEST_FLOOR
    assert noise_floor(Speedup(0.9, 0.9, 0.9)) == pytest.approx(0.105, abs=1e-3)
    assert noise_floor(Speedup(1.0, 0.9, 1.1)) == pytest.approx(0.1, abs=1e-2)


def test_a_timed_call_is_the_one_of_its_place(bench: Bench) -> None:
    windows = bench.windows(3)
    bench.calls(windows)
    bench.lay_poison(3)
    for place in range(3):
        call = bench.timed_call(place)
        assert call.offsets == windows[place]
        assert call.output is bench.outputs[place]
        assert call.laid is bench.laid[place]


def test_a_call_that_is_kept_stays_as_it_was_made(bench: Bench) -> None:
    bench.calls(bench.windows(3))
    bench.renew(3)
    bench.lay_poison(3)
    then = [inputs_of(call) for call in map(bench.timed_call, range(3))]
    patterns = {call.output.memory[:] for call in map(bench.timed_call, range(3))}
    for _ in range(30):
        bench.keep(made=3)
    assert {inputs_of(call) for call in bench.kept} == set(then), "each of the three, in thirty draws"
    bench.drop_kept()
    bench.keep(made=1)
    (first,) = bench.kept
    mine, wrote = inputs_of(first), first.output.memory[:]
    assert wrote in patterns
    assert wrote == bench.outputs[0].memory[:], "of one call that was made it is that"
    bench.renew(3)
    bench.lay_poison(3)
    assert inputs_of(first) == mine
    assert first.output.memory[:] == wrote != bench.outputs[0].memory[:]


def inputs_of(call: TimedCall) -> bytes:
    return b"".join(bytes(call.inputs.memory[offset : offset + 64]) for offset in call.offsets)


def test_calls_are_kept_from_rounds_drawn_by_lot(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    now = 0
    monkeypatch.setattr(bench, "keep", lambda made: rounds.append(now))
    seen = set()
    for seed in range(60):
        rounds.clear()
        keeper = Keeper(bench, wanted=3, rounds=20, order=random.Random(seed))
        for now in range(25):  # noqa: B007 - read by what stands for keep
            keeper.after_round(4)
        keeper.finish()
        assert len(rounds) == len(set(rounds)) == 3
        seen |= set(rounds)
    assert seen == set(range(20))


def test_a_short_measurement_keeps_calls_of_its_last_block(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made_of: list[int] = []
    monkeypatch.setattr(bench, "keep", made_of.append)
    keeper = Keeper(bench, wanted=3, rounds=20, order=random.Random(1))
    for made in (7, 5):
        keeper.after_round(made)
    keeper.finish()
    assert len(made_of) == 3
    assert made_of[-1] == 5
    monkeypatch.setattr(strict, "MOST_BYTES", 1)
    made_of.clear()
    keeper = Keeper(bench, wanted=3, rounds=20, order=random.Random(1))
    keeper.after_round(7)
    keeper.finish()
    assert len(made_of) == 1, "one in any case"
