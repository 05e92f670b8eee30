"""Blocks that end before their last call.

A kernel that has learnt how many calls a block has can put their work off until the last one comes, do all of it at
the first, or work ahead in memory of its own and copy each answer out in time. So now and then a block ends early: the
worker is asked for its first few calls alone, and it is drawn by lot for how many. Those must be right, no other may
have been made, and no other's inputs may have been read: each call's inputs are mapped by themselves, and the system
tells which mappings were used. None of that depends on how busy the machine is, unlike a look on the way
(:mod:`warploom.judge.timing.watch`), which stands behind it: how many calls are asked for lies in the worker's memory,
where a kernel that knew its way about could find it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from warploom.judge.content.layout import view
from warploom.judge.correctness.verify import guarded
from warploom.judge.fault import Fault
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.inspection import drawn_rounds
from warploom.sandbox.runner import Interruptible

SEEN = 2
"""Blocks in which a kernel must be seen to read ahead: that a page was read can, once in a blue moon, be another's."""


@dataclass
class Cuts:
    """Cuts blocks of one candidate on one workload short; an :class:`~warploom.judge.timing.inspection.Inspection`.

    Attributes:
        process: the candidate's.
        bench: memory of the workload.
        calls: in a block.
        deadline_s: of a block.
        title: of the workload, for messages.
        order: secret randomness.
        wanted: how many blocks, where a block has calls enough to end each of them elsewhere.
        rounds: among how many rounds they are spread.
    """

    process: Interruptible
    bench: Bench
    calls: int
    deadline_s: float
    title: str
    order: random.Random
    wanted: int
    rounds: int
    _ends: list[int] = field(default_factory=list)
    _due: list[int] = field(default_factory=list)
    _made: int = 0
    _read: set[int] = field(default_factory=set)
    _ahead: int = 0

    def __post_init__(self) -> None:
        # No end twice: what puts off every other call would be seen at odd ends alone.
        ends = range(1, self.calls)
        self._ends = self.order.sample(ends, min(self.wanted, len(ends)))
        self._due = sorted(drawn_rounds(len(self._ends), self.rounds, self.order))

    @property
    def wanting(self) -> bool:
        """Whether a block is still to be cut."""
        return bool(self._due)

    def due(self, taken: int, complete: bool) -> bool:
        """Whether to cut the block of the round that follows so many; at once when there are samples enough."""
        return self.wanting and (complete or taken >= self._due[0])

    def run(self, blocks_ns: list[int]) -> int:
        """One block, cut short; how many of its calls were asked for.

        Raises:
            Fault: the process failed.
        """
        del self._due[0]
        self._made = self._ends.pop()
        guarded("time", self.title, self._first)
        return self._made

    def _first(self) -> int:
        self._read = self.process.run_first(self._made, self.deadline_s) or set()
        return 0

    def judge(self) -> None:
        """No call may have written that was not asked for, and none may have been read.

        Raises:
            Fault: one has.
        """
        beyond = next((place for place in range(self._made, self.calls) if self._written(place)), None)
        if beyond is not None:
            said = f"call {beyond + 1} of a block had written when {self._made} calls had been asked for"
            raise Fault("time", "unwritten_output", f"{self.title}: {said}; a call is made when it is asked for")
        ahead = min((place for place in self._read if place >= self._made), default=None)
        self._ahead += ahead is not None
        if ahead is not None and self._ahead >= SEEN:
            said = f"inputs of call {ahead + 1} of a block had been read when {self._made} calls had been asked for"
            raise Fault("time", "unwritten_output", f"{self.title}: {said}; a call is made when it is asked for")

    def _written(self, place: int) -> bool:
        """Whether anything but the poison lies in the outputs of a call."""
        output, words = self.bench.outputs[place], self.bench.laid[place].words
        for region, word in zip(self.bench.outputs_layout.regions, words, strict=True):
            stored = view(output, region)
            if (stored.view(f"u{stored.dtype.itemsize}") != word).any():
                return True
        return False
