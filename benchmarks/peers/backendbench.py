"""BackendBench: its ``eval_one_op``, which runs on a CPU as it is, on operators in its own notation."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers.catalog import SIZE, Candidate
from benchmarks.peers.report import Report

FOLDER = "BackendBench"
REPOSITORY = "meta-pytorch/BackendBench"
TITLE = "BackendBench"
STEPS = ("all",)
OPERATORS = {
    "product": ("aten.mm.default", f"((T([{SIZE}, {SIZE}], f32), T([{SIZE}, {SIZE}], f32)), {{}})"),
    "softmax": ("aten._softmax.default", "((T([16, 16384], f32), 1, False), {})"),
}


def load(checkout: Path) -> None:
    """Import what is needed of it."""
    sys.path.insert(0, str(checkout))
    for name in ("BackendBench.eval", "BackendBench.suite"):
        importlib.import_module(name)


def judge(checkout: Path, candidate: Candidate, step: str) -> Report:
    """What BackendBench says of it."""
    evaluation = importlib.import_module("BackendBench.eval")
    suite = importlib.import_module("BackendBench.suite")
    name, inputs = OPERATORS[candidate.problem]
    operator = suite.TorchBenchOpTest(name, [inputs], None)
    namespace: dict[str, Any] = {"__name__": "candidate"}
    exec(candidate.text, namespace)
    tensors = 2 if candidate.problem == "product" else 1
    kernel = lambda *arguments, **options: namespace["kernel"](*arguments[:tensors])  # noqa: E731
    correctness, _, answers, times = evaluation.eval_one_op(
        operator.op, kernel, list(operator.correctness_tests), list(operator.performance_tests)
    )
    timed = times[0] if times and times[0].successfully_ran else None
    return Report(
        accepted=correctness == 1 and timed is not None,
        time_ms=float(timed.benchmark_time_ms) * 1000 if timed else None,
        reference_ms=float(timed.reference_time_ms) * 1000 if timed else None,
        detail=f"largest absolute error {answers[0].max_abs_error:.3g}, relative {answers[0].max_rel_error:.3g}",
    )
