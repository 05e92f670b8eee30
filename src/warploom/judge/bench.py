"""The memory in which one workload is timed, and fresh content for it at the price of a copy."""

from __future__ import annotations

import numpy as np

from warploom.judge.calls import arguments
from warploom.judge.compare import Allowance, Expected
from warploom.judge.guards import Poison, poison
from warploom.judge.inputs import FLOATS, can_flip, decode, draw, renew
from warploom.judge.layout import ALIGNMENT_BYTES, input_layout, output_layout, slack_bytes, view
from warploom.judge.oracle import Rejection, inspect
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call
from warploom.values.problem import Problem, Workload

LINE_BYTES = 64


class Bench:
    """Inputs, outputs and results of the timed calls of one workload.

    A block of calls sees as many windows into one input buffer, each starting at another cache line; before each
    block the whole buffer gets new content: a random window of a private source with random signs, so that no
    content is ever seen twice. Both sides run the same windows. The baseline's own results are what a timed
    call is checked against, with its error allowed on top of the tolerance.

    Args:
        problem: whose tensors.
        workload: the shape.
        rng: secret randomness.
    """

    def __init__(self, problem: Problem, workload: Workload, rng: np.random.Generator) -> None:
        self.problem, self.workload = problem, workload
        self.layout = input_layout(problem, workload, slack=True)
        self.outputs_layout = output_layout(problem, workload)
        self.allowances: tuple[Allowance, ...] = ()
        self.eager_ns = 0.0
        """Median of one eager call when the session began."""
        self._rng = rng
        self._sources = [
            draw(tensor, workload.recipe, region.room_count + region.room_count // 4 + 1024, workload.extents, rng)
            for region, tensor in zip(self.layout.regions, problem.inputs.values(), strict=True)
        ]
        self.inputs = SharedBuffer(self.layout.size_bytes)
        self.outputs: list[SharedBuffer] = []
        self.results: list[SharedBuffer] = []
        self.rival_outputs: list[SharedBuffer] = []
        self._laid: list[Poison] = []

    @property
    def buffers(self) -> list[SharedBuffer]:
        """Every buffer it owns."""
        return [self.inputs, *self.outputs, *self.results, *self.rival_outputs]

    def make_room(self, calls: int, rival: bool = False) -> None:
        """Have outputs and results for a block of so many calls, and outputs for a second candidate if there is one."""
        while rival and len(self.rival_outputs) < calls:
            self.rival_outputs.append(SharedBuffer(self.outputs_layout.size_bytes))
        while len(self.outputs) < calls:
            self.outputs.append(SharedBuffer(self.outputs_layout.size_bytes))
            self.results.append(SharedBuffer(self.outputs_layout.size_bytes))

    def windows(self, calls: int) -> list[list[int]]:
        """Offsets of every input for each call of a block, no two calls at the same place."""
        chosen = []
        for region in self.layout.regions:
            lines = slack_bytes(region.size_bytes) // ALIGNMENT_BYTES
            starts = self._rng.choice(lines, size=calls, replace=False)
            chosen.append([region.offset + ALIGNMENT_BYTES * int(start) for start in starts])
        return [list(offsets) for offsets in zip(*chosen, strict=True)]

    def calls(self, windows: list[list[int]], rival: bool = False) -> list[Call]:
        """The calls of a block, as a candidate or its rival gets them."""
        outputs = self.rival_outputs if rival else self.outputs
        offsets = [region.offset for region in self.outputs_layout.regions]
        return [
            Call(self.inputs, output, arguments(window, offsets, self.problem, self.workload))
            for window, output in zip(windows, outputs, strict=False)
        ]

    def renew(self) -> None:
        """New content in the inputs."""
        for region, tensor, source in zip(
            self.layout.regions, self.problem.inputs.values(), self._sources, strict=True
        ):
            flip = can_flip(tensor, self.workload.recipe)
            renew(view(self.inputs, region, room=True), source, flip, self._rng)

    def lay_poison(self, calls: int) -> None:
        """New patterns in the outputs of a block; a rival's are touched alike, so that it finds them as warm."""
        for output in self.rival_outputs[:calls]:
            poison(output, self.outputs_layout, self._rng)
        self._laid = [poison(output, self.outputs_layout, self._rng) for output in self.outputs[:calls]]

    def warm(self) -> int:
        """Touch every line of the inputs, so that neither side finds them warmer than the other."""
        return int(np.frombuffer(self.inputs.memory, dtype=np.uint8)[::LINE_BYTES].max())

    def check(self, calls: int) -> Rejection | None:
        """Compare the outputs of a block with the baseline's results."""
        for output, result, laid in zip(self.outputs[:calls], self.results, self._laid, strict=False):
            expected = []
            for region, allowance in zip(self.outputs_layout.regions, self.allowances, strict=True):
                values = view(result, region)
                if region.dtype in FLOATS:
                    values = decode(values, region.dtype)
                expected.append(Expected(values, allowance))
            _, rejection = inspect(output, self.outputs_layout, laid, expected)
            if rejection:
                return rejection
        return None

    def close(self) -> None:
        """Give the memory back."""
        for buffer in self.buffers:
            buffer.close()
        self.outputs, self.results, self.rival_outputs, self._sources = [], [], [], []
