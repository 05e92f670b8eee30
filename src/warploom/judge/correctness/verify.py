"""Strict checks: every workload, held-out ones first, against the float64 oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from warploom.judge.comparison.compare import Comparison, Expected, compare
from warploom.judge.content.calls import arguments
from warploom.judge.content.guards import Poison, poison
from warploom.judge.content.inputs import decode
from warploom.judge.content.layout import Array, Layout, view
from warploom.judge.correctness.oracle import CheckedSet, inspect
from warploom.judge.fault import Fault
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, WorkerFailed
from warploom.sandbox.runner import Runner
from warploom.values.outcome import Check
from warploom.values.problem import FLOATS, Problem, Workload

REPEAT_SHARE = 0.25
"""Two runs on the same content may differ by this share of the tolerance: threads may add in another order."""


@dataclass(frozen=True)
class Trial:
    """One verified call to be made.

    Attributes:
        workload: the shape.
        checked: inputs and answers.
        layout: of the outputs.
        outputs: where the kernel writes: once, or twice on the same inputs to see whether it repeats.
        held_out: whether the workload is a held-out one.
        title: how messages name it; a held-out workload is never described.
    """

    workload: Workload
    checked: CheckedSet
    layout: Layout
    outputs: tuple[SharedBuffer, ...]
    held_out: bool
    title: str


def verify(
    process: Runner, trials: Sequence[Trial], problem: Problem, deadline_s: float, rng: np.random.Generator
) -> tuple[list[Check], int]:
    """Make all calls of these trials in one go and check each.

    Returns:
        The checks, and the nanoseconds of the calls.

    Raises:
        Fault: a check failed, or the process did.
    """
    laid = [[poison(output, trial.layout, rng) for output in trial.outputs] for trial in trials]
    calls = [
        Call(
            trial.checked.inputs,
            output,
            arguments(
                trial.checked.offsets, [region.offset for region in trial.layout.regions], problem, trial.workload
            ),
        )
        for trial in trials
        for output in trial.outputs
    ]
    elapsed = guarded("verify", _title(trials), lambda: _run(process, calls, deadline_s))
    checks: list[Check] = []
    for trial, patterns in zip(trials, laid, strict=True):
        check = _check(trial, patterns, checks)
        checks.append(check)
    return checks, elapsed


def guarded(stage: str, title: str, action: Callable[[], int]) -> int:
    """Do something with a candidate's process; its failure becomes a fault of this stage."""
    try:
        return action()
    except WorkerFailed as error:
        raise Fault(error.stage or stage, error.kind, f"{title}: {error.message}", error.log_tail) from error


def _run(process: Runner, calls: Sequence[Call], deadline_s: float) -> int:
    process.stage(calls)
    return process.run(deadline_s)


def _check(trial: Trial, patterns: Sequence[Poison], before: Sequence[Check]) -> Check:
    worst = Comparison(0.0, 0.0, -1)
    for output, laid in zip(trial.outputs, patterns, strict=True):
        found, rejection = inspect(output, trial.layout, laid, trial.checked.expected)
        if rejection:
            failed = _as_check(trial, found, rejection[0])
            raise Fault("verify", rejection[0], f"{trial.title}: {rejection[1]}", checks=(*before, failed))
        if found.max_rel_error >= worst.max_rel_error:
            worst = found
    drift = _drift(trial)
    if drift:
        failed = _as_check(trial, worst, "nondeterministic")
        raise Fault("verify", "nondeterministic", f"{trial.title}: {drift}", checks=(*before, failed))
    return _as_check(trial, worst)


def _drift(trial: Trial) -> str:
    """How a second run on the same inputs differs from the first, "" when it agrees to rounding."""
    if len(trial.outputs) < 2:
        return ""
    for region, expected in zip(trial.layout.regions, trial.checked.expected, strict=True):
        first, second = (view(output, region) for output in trial.outputs[:2])
        found = compare(second, region.dtype, _as_expected(first, region.dtype, expected), -1)
        if found.guard:
            return f"a second run on the same inputs differs: output {region.name!r}: {found.detail}"
    return ""


def _as_expected(first: Array, dtype: str, expected: Expected) -> Expected:
    if dtype not in FLOATS or not isinstance(expected.tolerance, np.ndarray):
        return Expected(first, expected.tolerance)
    return Expected(decode(first, dtype), np.maximum(expected.tolerance * REPEAT_SHARE, np.finfo("f4").tiny))


def _as_check(trial: Trial, found: Comparison, guard: str = "") -> Check:
    return Check(
        str(trial.workload),
        trial.checked.seed,
        found.max_abs_error,
        found.max_rel_error,
        found.worst_index,
        guard,
        trial.held_out,
    )


def _title(trials: Sequence[Trial]) -> str:
    return trials[0].title if len(trials) == 1 else "one of the held-out workloads"
