"""The memory in which one workload is timed, and fresh content for it at the price of a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from warploom.judge.comparison.compare import Allowance, Expected
from warploom.judge.content.calls import arguments
from warploom.judge.content.guards import Poison, poison
from warploom.judge.content.inputs import decode
from warploom.judge.content.layout import ALIGNMENT_BYTES, SLACK_BYTES, Array, input_layout, output_layout, view
from warploom.judge.content.renewal import Source
from warploom.judge.correctness.oracle import Rejection, inspect
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call
from warploom.values.problem import FLOATS, Problem, Workload

LINE_BYTES = 64
MOST_CALLS = 16


@dataclass(frozen=True)
class Setting:
    """How calls are made and timed where a bench stands; as the default says on a processor.

    Attributes:
        clock: which one counts.
        device: what calls run on.
        torch: PyTorch's name of the device for references and baselines, which then time themselves; "" for the
            processor, where the judge's own clock counts.
        most_calls: in a block.
    """

    clock: str = "parent monotonic"
    device: str = "cpu"
    torch: str = ""
    most_calls: int = MOST_CALLS


PROCESSOR = Setting()


@dataclass(frozen=True)
class TimedCall:
    """A call that was timed.

    Attributes:
        inputs: the buffer they lie in.
        offsets: where they lie in it, in calling order.
        output: what it wrote.
        laid: what lay there before.
    """

    inputs: SharedBuffer
    offsets: list[int]
    output: SharedBuffer
    laid: Poison


class Bench:
    """Inputs, outputs and results of the timed calls of one workload.

    Every call of a block has inputs of its own, which start at a cache line drawn for it; before each block all of
    them get new content. So no call shares an element with another, and nothing is ever seen twice. Both sides
    read the same inputs. The baseline's own results are what a timed call is checked against, with its error
    allowed on top of the tolerance.

    Args:
        problem: whose tensors.
        workload: the shape.
        rng: secret randomness.
        own: draws all inputs from a seed where the recipe is "own", see
            :func:`warploom.judge.correctness.oracle.draw_own`. What hangs together
            cannot be renewed at the price of a copy: each call's content is then a new draw.
        setting: how calls are made and timed.
    """

    def __init__(
        self,
        problem: Problem,
        workload: Workload,
        rng: np.random.Generator,
        own: Callable[[int], Sequence[Array]] | None = None,
        setting: Setting = PROCESSOR,
    ) -> None:
        self.problem, self.workload, self.setting = problem, workload, setting
        self.layout = input_layout(problem, workload, slack=True)
        self.outputs_layout = output_layout(problem, workload)
        self.allowances: tuple[Allowance, ...] = ()
        self.eager_ns = 0.0
        """Median of one eager call when the session began."""
        self.traffic_bytes = 0
        """What a call must move at least, see :func:`warploom.judge.roofline.traffic_bytes`."""
        self._rng = rng
        self._own = own if workload.recipe == "own" else None
        self._sources = [
            Source(tensor, workload.recipe, region.room_count, workload.extents, rng)
            for region, tensor in zip(self.layout.regions, problem.inputs.values(), strict=True)
            if workload.recipe != "own"
        ]
        self._places, self._filled = 1, 0
        self.inputs = SharedBuffer(self.layout.size_bytes)
        self._outgrown: list[SharedBuffer] = []
        self.outputs: list[SharedBuffer] = []
        self.results: list[SharedBuffer] = []
        self.rival_outputs: list[SharedBuffer] = []
        self.laid: list[Poison] = []
        """What lies in the outputs of the block to come, or lay there before the last."""
        self.rival_laid: list[Poison] = []
        self.kept: list[TimedCall] = []
        """Copies of timed calls, to be compared with their own oracles."""
        self._staged: list[list[int]] = []

    @property
    def buffers(self) -> list[SharedBuffer]:
        """Every buffer it owns."""
        kept = [buffer for call in self.kept for buffer in (call.inputs, call.output)]
        return [self.inputs, *self._outgrown, *self.outputs, *self.results, *self.rival_outputs, *kept]

    def make_room(self, calls: int, rival: bool = False) -> None:
        """Have memory for a block of so many calls, and outputs for a second candidate if there is one.

        Inputs that grow lie in another buffer than before: stage after this.
        """
        if calls > self._places:
            self._outgrown.append(self.inputs)
            self.inputs = SharedBuffer(calls * self.layout.size_bytes)
            self._places, self._filled = calls, 0
        while rival and len(self.rival_outputs) < calls:
            self.rival_outputs.append(SharedBuffer(self.outputs_layout.size_bytes))
        while len(self.outputs) < calls:
            self.outputs.append(SharedBuffer(self.outputs_layout.size_bytes))
            self.results.append(SharedBuffer(self.outputs_layout.size_bytes))

    def windows(self, calls: int) -> list[list[int]]:
        """Offsets of every input for each call of a block."""
        lines = 1 + SLACK_BYTES // ALIGNMENT_BYTES if self._own is None else 1
        return [
            [
                place * self.layout.size_bytes + region.offset + ALIGNMENT_BYTES * int(self._rng.integers(lines))
                for region in self.layout.regions
            ]
            for place in range(calls)
        ]

    def calls(self, windows: list[list[int]], rival: bool = False) -> list[Call]:
        """The calls of a block, as a candidate or its rival gets them."""
        outputs = self.rival_outputs if rival else self.outputs
        if not rival:
            self._staged = windows
        offsets = [region.offset for region in self.outputs_layout.regions]
        return [
            Call(
                self.inputs,
                output,
                arguments(window, offsets, self.problem, self.workload),
                place * self.layout.size_bytes,
                self.layout.size_bytes,
            )
            for place, (window, output) in enumerate(zip(windows, outputs, strict=False))
        ]

    def renew(self, calls: int = 1) -> None:
        """New content in the inputs of a block."""
        self._filled = max(self._filled, calls)
        for place in range(calls):
            there = [
                replace(region, offset=place * self.layout.size_bytes + region.offset) for region in self.layout.regions
            ]
            if self._own is not None:
                for region, drawn in zip(there, self._own(int(self._rng.integers(1 << 62))), strict=True):
                    view(self.inputs, region)[:] = drawn
                continue
            for region, source in zip(there, self._sources, strict=True):
                source.fill(view(self.inputs, region, room=True))

    def fill(self, calls: int) -> None:
        """Content in the inputs of a block, where there has been none yet."""
        if self._filled < calls:
            self.renew(calls)

    def lay_poison(self, calls: int) -> None:
        """New patterns in the outputs of a block; a rival's are touched alike, so that it finds them as warm."""
        self.rival_laid = [poison(output, self.outputs_layout, self._rng) for output in self.rival_outputs[:calls]]
        self.laid = [poison(output, self.outputs_layout, self._rng) for output in self.outputs[:calls]]

    def warm(self, calls: int) -> int:
        """Touch every line of a block's inputs, so that neither side finds them warmer than the other."""
        used = np.frombuffer(self.inputs.memory, dtype=np.uint8, count=calls * self.layout.size_bytes)
        return int(used[::LINE_BYTES].max())

    def check(self, calls: int, rival: bool = False) -> Rejection | None:
        """Compare the outputs of a block, or those of the rival, with the baseline's results."""
        outputs, poisons = (self.rival_outputs, self.rival_laid) if rival else (self.outputs, self.laid)
        for output, result, laid in zip(outputs[:calls], self.results, poisons, strict=False):
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

    def timed_call(self, place: int) -> TimedCall:
        """A call of the last block that the candidate ran; valid until the next block."""
        return TimedCall(self.inputs, self._staged[place], self.outputs[place], self.laid[place])

    def keep(self, made: int) -> None:
        """Copy one of the first so many calls of the last block, drawn by lot, with its inputs."""
        place, size = int(self._rng.integers(made)), self.layout.size_bytes
        call, begin = self.timed_call(place), place * size
        inputs, output = SharedBuffer(size), SharedBuffer(self.outputs_layout.size_bytes)
        inputs.memory[:size] = self.inputs.memory[begin : begin + size]
        output.memory[:] = call.output.memory[:]
        self.kept.append(TimedCall(inputs, [offset - begin for offset in call.offsets], output, call.laid))

    def drop_kept(self) -> None:
        """Give back what was kept."""
        for call in self.kept:
            call.inputs.close()
            call.output.close()
        self.kept = []

    def close(self) -> None:
        """Give the memory back."""
        for buffer in self.buffers:
            buffer.close()
        self.outputs, self.results, self.rival_outputs, self._sources, self._outgrown = [], [], [], [], []
        self.kept = []
