"""robust-kbench: its ``check_forward_correctness`` and its timer, on its own task files.

Its command line runs the check and the timing in two processes, and so does this adapter: two steps.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers import stand_in
from benchmarks.peers.catalog import SIZE, Candidate
from benchmarks.peers.report import Report

FOLDER = "robust-kbench"
REPOSITORY = "SakanaAI/robust-kbench"
TITLE = "robust-kbench"
STEPS = ("check", "time")
TASKS: dict[str, tuple[str, dict[str, int]]] = {"product": ("task_1", {"N": SIZE}), "softmax": ("task_23", {})}
"""Task of level 1, and the settings of its inputs."""

WARM_UP, CALLS = 25, 200


def load(checkout: Path) -> None:
    """Import what is needed of it."""
    sys.path.insert(0, str(checkout))
    stand_in.install()
    for name in ("kernel_task", "sandbox.correct_forward_fn", "sandbox.eval_forward_fn"):
        importlib.import_module(f"robust_kbench.{name}")


def judge(checkout: Path, candidate: Candidate, step: str) -> Report:
    """What robust-kbench says of it."""
    folder, settings = TASKS[candidate.problem]
    tasks = importlib.import_module("robust_kbench.kernel_task")
    task = tasks.KernelTask(str(checkout / "tasks" / "kernelbench" / "level_1" / folder))
    settings = {**task.get_input_settings()[0], **settings}
    namespace: dict[str, Any] = {"__name__": "candidate"}
    exec(candidate.text, namespace)
    return (_check if step == "check" else _time)(task, namespace["kernel"], settings)


def _check(task: Any, kernel: Any, settings: dict[str, int]) -> Report:
    correct = importlib.import_module("robust_kbench.sandbox.correct_forward_fn")
    init = task.get_init_settings()[0]
    result = correct.check_forward_correctness(task.model, task.forward_fn, kernel, task.get_inputs, settings, init)
    said = f"{result.num_correct} of {result.total_correct_trials} trials right"
    return Report(bool(result.correct), detail=f"{said}, largest difference {result.max_diff:.3g}")


def _time(task: Any, kernel: Any, settings: dict[str, int]) -> Report:
    timing = importlib.import_module("robust_kbench.sandbox.eval_forward_fn")
    model = task.model(**task.get_init_settings()[0])
    found = {}
    for name, function in (("reference", task.forward_fn), ("candidate", kernel)):
        inputs = task.get_inputs(**settings)
        call = lambda *given, function=function: model.forward(*given, fn=function)  # noqa: E731
        found[name] = timing.time_function_kernel_bench(call, *inputs, warmup_time=WARM_UP, n_iter=CALLS)
    return Report(True, time_ms=float(found["candidate"].mean_time), reference_ms=float(found["reference"].mean_time))
