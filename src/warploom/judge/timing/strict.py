"""Some timed calls once more, against the float64 oracle of their own inputs.

Timed calls are compared with the baseline's results, all elements with one allowance: where a few elements are a
million times as large as the rest, it lets almost anything pass. So calls of a few blocks, drawn by lot over the whole
of the timing, are copied as they were made, and compared as strictly as any when the clocks are off.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from warploom.judge.correctness.oracle import answer, inspect
from warploom.judge.fault import Fault
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench, TimedCall
from warploom.values.outcome import Check
from warploom.values.problem import Problem

MOST_BYTES = 256 << 20
"""Of copies of one workload, unless one call alone is larger."""


@dataclass
class Keeper:
    """Keeps calls of the blocks of one measurement, see :meth:`warploom.judge.timing.bench.Bench.keep`.

    Attributes:
        bench: whose calls; what it kept before is given back.
        wanted: how many, each of another block where there are enough.
        rounds: among how many of them they are spread.
        order: secret randomness.
    """

    bench: Bench
    wanted: int
    rounds: int
    order: random.Random
    _due: list[int] = field(default_factory=list)
    _seen: int = 0
    _made: int = 0

    def __post_init__(self) -> None:
        self.bench.drop_kept()
        room = MOST_BYTES // (self.bench.layout.size_bytes + self.bench.outputs_layout.size_bytes)
        wanted = min(self.wanted, self.rounds, max(1, room))
        self._due = sorted(self.order.sample(range(self.rounds), wanted))

    def after_round(self, made: int) -> None:
        """So many calls of a block were made, and are right as far as the baseline tells."""
        if self._due and self._seen >= self._due[0]:
            del self._due[0]
            self.bench.keep(made)
        self._seen, self._made = self._seen + 1, made

    def finish(self) -> None:
        """There will be no more blocks: what is still wanted comes from the last one."""
        for _ in self._due:
            self.bench.keep(self._made)
        self._due = []


def check_timed(problem: Problem, bench: Bench, reference: ReferenceProcess, rng: np.random.Generator) -> list[Check]:
    """The timed calls that were kept, against the float64 oracle of their own inputs.

    Returns:
        The checks; their seeds are those of the oracle's calibration, the inputs have none of their own.

    Raises:
        Fault: the call was wrong.
        ReferenceFailed: the oracle could not be computed.
    """
    try:
        return [_check_call(problem, bench, reference, call, rng) for call in bench.kept]
    finally:
        reference.forget([call.inputs for call in bench.kept])
        bench.drop_kept()


def _check_call(
    problem: Problem, bench: Bench, reference: ReferenceProcess, call: TimedCall, rng: np.random.Generator
) -> Check:
    seed = int(rng.integers(1 << 62))
    expected, _ = answer(problem, bench.workload, reference, call.inputs, call.offsets, seed)
    found, rejection = inspect(call.output, bench.outputs_layout, call.laid, expected)
    guard, detail = rejection or ("", "")
    check = Check(
        str(bench.workload), seed, found.max_abs_error, found.max_rel_error, found.worst_index, guard, held_out=False
    )
    if rejection:
        title = f"workload {bench.workload}, a timed call against the float64 oracle"
        raise Fault("verify", guard, f"{title}: {detail}", checks=(check,))
    return check
