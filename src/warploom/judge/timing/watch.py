"""Looks at a candidate's outputs in the middle of a timed block.

Outputs are compared when a block is over, so a kernel might answer its calls in another order than it was asked: all of
them at the first one, with all cores, or all at the last. But a call is over when it returns, and whoever measures
short calls measures that they start and end one by one. So now and then a block, which the candidate cannot tell
from the others, is stopped on the way: what a call has written must then be final before a later call writes at all,
and as many calls must be done as the processor time spent so far suggests.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from warploom.judge.content.layout import Array, view
from warploom.judge.correctness.verify import guarded
from warploom.judge.fault import Fault
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.inspection import drawn_rounds
from warploom.sandbox.runner import Interruptible

LEAST_CALLS = 4
"""In a block of fewer there is nothing to gain from another order."""

STEADY_NS = 500_000
"""A block of so much processor time consists of calls for the most part, so that its pace can be judged."""

BEFORE_NS = 150_000
"""Processor time that a worker may take before its first call: to wake, to read what it is asked, to start threads."""

LIKE_OTHERS = 2.0
"""A block that took more than so many times the processor time of others spent it on something else than its calls."""

LATE = 2
"""Looks that must find too few calls done: a machine's owner can stop a processor for a while, and nobody tells."""

ATTEMPTS = 20
"""Looks tried for each that is wanted: on a busy machine a block may be over before it can be stopped."""


BY_TIME = 0.5
"""Share of the looks that are taken at a time, not at a sign of writing."""

MIDDLE = (0.4, 0.8)
"""Where in a block, by its usual time, they are taken."""

EARLY_SHARE = 0.3
"""That nothing is written before so much of the work is done means nothing."""


@dataclass
class Watch:
    """Looks at one candidate on one workload; an :class:`~warploom.judge.timing.inspection.Inspection`.

    Attributes:
        process: the candidate's.
        bench: memory of the workload.
        calls: in a block.
        deadline_s: of a block.
        title: of the workload, for messages.
        order: secret randomness.
        looks: how many are wanted.
        rounds: among how many rounds they are spread.
    """

    process: Interruptible
    bench: Bench
    calls: int
    deadline_s: float
    title: str
    order: random.Random
    looks: int
    rounds: int
    _due: list[int] = field(default_factory=list)
    _attempts: int = 0
    _wanted: int = 0
    _seen: list[list[Array]] = field(default_factory=list)
    _spent: tuple[int, int] | None = None
    _owed: float = 0.0
    _late: int = 0
    _usual_ns: float = 0.0

    def __post_init__(self) -> None:
        if self.calls >= LEAST_CALLS:
            self._due = drawn_rounds(self.looks, self.rounds, self.order)
            self._attempts, self._wanted = ATTEMPTS * self.looks, len(self._due)

    @property
    def wanting(self) -> bool:
        """Whether a look is still to come."""
        return bool(self._due) and self._attempts > 0

    @property
    def blind(self) -> bool:
        """Whether looks were wanted and not one of them told anything: calls may have been made in any order."""
        return len(self._due) == self._wanted > 0

    def due(self, taken: int, complete: bool) -> bool:
        """Whether to look in the round that follows so many; at once when there are samples enough."""
        return self.wanting and (complete or taken >= min(self._due))

    def run(self, blocks_ns: list[int]) -> int:
        """One block, stopped on the way; all its calls are asked for.

        Raises:
            Fault: the process failed.
        """
        self._attempts -= 1
        self._seen, self._spent = [], None
        self._usual_ns = median(blocks_ns)
        guarded("time", self.title, lambda: self._look(2 * self._usual_ns / 1e9))
        return self.calls

    def _look(self, patience_s: float) -> int:
        """Stop it as soon as it writes the first or the last element of a call drawn by lot; half the time, at a time.

        What writes nothing before the end is done with all of it before it can be stopped for that.
        """
        if self.order.random() < BY_TIME:
            patience_s = self._usual_ns / 1e9 * self.order.uniform(*MIDDLE)
            self._spent = self.process.run_and_look(self.deadline_s, lambda: False, patience_s, self._copy)
            return 0
        place = self.order.randint(1, self.calls // 2)
        outputs, word = self._regions(place)[0], self.bench.laid[place].words[0]
        self._spent = self.process.run_and_look(
            self.deadline_s, lambda: outputs[0] != word or outputs[-1] != word, patience_s, self._copy
        )
        return 0

    def _copy(self) -> None:
        self._seen = [self._regions(place, copy=True) for place in range(self.calls)]

    def _regions(self, place: int, copy: bool = False) -> list[Array]:
        found = []
        for region in self.bench.outputs_layout.regions:
            stored = view(self.bench.outputs[place], region)
            words = stored.view(f"u{stored.dtype.itemsize}")
            found.append(words.copy() if copy else words)
        return found

    def judge(self) -> None:
        """Compare what was seen with what the block left, which has been found right meanwhile.

        Raises:
            Fault: calls were not made one after another.
        """
        if self._spent is None:
            return
        whole = self._spent[1] - BEFORE_NS
        share = max(0.0, (self._spent[0] - BEFORE_NS) / max(whole, 1))
        done = [
            all(np.array_equal(then, now) for then, now in zip(seen, self._regions(place), strict=True))
            for place, seen in enumerate(self._seen)
        ]
        begun = [
            any(bool((then != word).any()) for then, word in zip(seen, laid.words, strict=True))
            for seen, laid in zip(self._seen, self.bench.laid, strict=False)
        ]
        if all(done) or (not any(begun) and share < EARLY_SHARE):
            return
        self._due.remove(min(self._due))
        first_open = done.index(False)
        later = next((place for place in range(first_open + 1, self.calls) if begun[place]), None)
        if later is not None:
            self._reject(f"call {later + 1} of a block had written before call {first_open + 1} was done")
        owed = self.calls * share / 2 - 1 - first_open if self._has_a_pace(self._spent[1]) else 0.0
        self._owed, self._late = self._owed + owed, self._late + (owed > 0)
        if self._owed > 0 and self._late >= LATE:
            self._reject(f"after {share:.0%} of the work of a block {first_open} of its {self.calls} calls were done")

    def _has_a_pace(self, spent_ns: int) -> bool:
        """Whether the processor time of this block went into its calls: it is long, and was no longer than others.

        Calls of microseconds can meet a worker that needs a millisecond to be woken, on a busy machine.
        """
        usual_ns = self._usual_ns * len(os.sched_getaffinity(0))
        return STEADY_NS <= spent_ns <= BEFORE_NS + LIKE_OTHERS * usual_ns

    def _reject(self, what: str) -> None:
        raise Fault(
            "time", "unwritten_output", f"{self.title}: {what}; a call's outputs must be written when it returns"
        )
