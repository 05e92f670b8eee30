"""Some timed calls once more, against the float64 oracle of their own inputs."""

from __future__ import annotations

import numpy as np

from warploom.judge.correctness.oracle import answer, inspect
from warploom.judge.fault import Fault
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench, TimedCall
from warploom.values.outcome import Check
from warploom.values.problem import Problem

STRICT_CALLS = 2
"""Timed calls of a workload that a promotion compares with their own oracle."""


def check_timed(problem: Problem, bench: Bench, reference: ReferenceProcess, rng: np.random.Generator) -> list[Check]:
    """Timed calls of the last block, drawn by lot, against the float64 oracle of their own inputs.

    Two, where there are two: what is coarse in all calls but a few then has to be lucky twice.

    Returns:
        The checks; their seeds are those of the oracle's calibration, the inputs have none of their own.

    Raises:
        Fault: the call was wrong.
        ReferenceFailed: the oracle could not be computed.
    """
    return [_check_call(problem, bench, reference, call, rng) for call in bench.draw_calls(STRICT_CALLS)]


def _check_call(
    problem: Problem, bench: Bench, reference: ReferenceProcess, call: TimedCall, rng: np.random.Generator
) -> Check:
    seed = int(rng.integers(1 << 62))
    expected, _ = answer(problem, bench.workload, reference, bench.inputs, call.offsets, seed)
    found, rejection = inspect(call.output, bench.outputs_layout, call.laid, expected)
    guard, detail = rejection or ("", "")
    check = Check(
        str(bench.workload), seed, found.max_abs_error, found.max_rel_error, found.worst_index, guard, held_out=False
    )
    if rejection:
        title = f"workload {bench.workload}, a timed call against the float64 oracle"
        raise Fault("verify", guard, f"{title}: {detail}", checks=(check,))
    return check
