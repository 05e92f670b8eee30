"""Inputs from a problem's own generator reach the checks and the timed calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warploom.judge.content.layout import Array, input_layout, view
from warploom.judge.correctness.oracle import fill
from warploom.judge.timing.bench import Bench
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import Problem, Reference, Tensor, Workload

OWN = Workload(recipe="own", n=5)
PROBLEM = Problem(
    "twice",
    ("n",),
    {"x": Tensor("n"), "k": Tensor("n", "int8")},
    {"out": Tensor("n")},
    Reference("nowhere", "twice", ""),
    [OWN],
    held_out=[OWN],
)


class Generator:
    """Stands in for the reference process: writes its seed everywhere."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.forgotten: list[Any] = []

    def draw(self, workload: Workload, target: SharedBuffer, offsets: Sequence[int], seed: int) -> None:
        self.seeds.append(seed)
        for region, offset in zip(input_layout(PROBLEM, workload).regions, offsets, strict=True):
            assert region.offset == offset
            view(target, region)[:] = seed

    def forget(self, buffers: Sequence[SharedBuffer]) -> None:
        self.forgotten += buffers


def test_checked_inputs_are_what_the_generator_drew() -> None:
    layout, generator = input_layout(PROBLEM, OWN), Generator()
    with SharedBuffer(layout.size_bytes) as buffer:
        fill(buffer, layout, PROBLEM, OWN, 7, generator)  # type: ignore[arg-type]
        assert [view(buffer, region).tolist() for region in layout.regions] == [[7.0] * 5, [7] * 5]
        gaps = np.frombuffer(buffer.memory, dtype=np.uint8)
        assert all((gaps[begin:end] == 0xFF).all() for begin, end in layout.gaps)
        del gaps
    assert generator.seeds == [7]
    assert len(generator.forgotten) == 1, "the other process lets the buffer go before it is closed"


def test_every_timed_call_has_a_draw_of_its_own() -> None:
    drawn: list[int] = []

    def draw(seed: int) -> list[Array]:
        drawn.append(seed)
        return [np.full(5, len(drawn), dtype=kind) for kind in ("f4", "i1")]

    bench = Bench(PROBLEM, OWN, np.random.default_rng(0), draw)
    try:
        bench.make_room(3)
        windows = bench.windows(3)
        bench.renew(3)
        memory = bench.inputs.memory
        for place, (x, k) in enumerate(windows, start=1):
            assert np.frombuffer(memory, "f4", 5, x).tolist() == [place] * 5
            assert np.frombuffer(memory, "i1", 5, k).tolist() == [place] * 5
        bench.renew(3)
        assert np.frombuffer(memory, "f4", 5, windows[0][0]).tolist() == [4] * 5
        assert len(set(drawn)) == 6, "every draw has a seed of its own"
        del memory
    finally:
        bench.close()
