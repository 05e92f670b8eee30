"""KernelFoundry: a task as its documentation shows one, with the comparison and the timer of its library.

Its library leaves the check to whoever writes the task. This one draws the inputs as its published example does
(``torch.manual_seed(42)``, normal numbers, reference first) and compares with its ``assert_allclose`` at the defaults.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from benchmarks.peers.catalog import SIZE, Candidate
from benchmarks.peers.report import Report

FOLDER = "kernelfoundry"
REPOSITORY = "isl-org/kernelfoundry"
TITLE = "KernelFoundry"
STEPS = ("all",)


def reference(*inputs: torch.Tensor) -> torch.Tensor:
    """The product of two matrices, the softmax of one."""
    return torch.matmul(*inputs) if len(inputs) == 2 else torch.softmax(inputs[0], dim=1)


def load(checkout: Path) -> None:
    """Import what is needed of it."""
    sys.path.insert(0, str(checkout))
    for name in ("kernelfoundry.testing", "kernelfoundry.utils.performance"):
        importlib.import_module(name)


def judge(checkout: Path, candidate: Candidate, step: str) -> Report:
    """What its library says of it."""
    testing = importlib.import_module("kernelfoundry.testing")
    performance = importlib.import_module("kernelfoundry.utils.performance")
    namespace: dict[str, Any] = {"__name__": "candidate"}
    exec(candidate.text, namespace)
    kernel = namespace["kernel"]
    torch.manual_seed(42)
    shapes = [(SIZE, SIZE)] * 2 if candidate.problem == "product" else [(16, 16384)]
    inputs = tuple(torch.randn(*shape) for shape in shapes)
    expected = reference(*inputs)
    result = kernel(*inputs)
    try:
        testing.assert_allclose(result, expected)
    except AssertionError as error:
        return Report(False, detail=" ".join(str(error).split()))
    idle = lambda: None  # noqa: E731
    times = {one: performance.measure_runtime(one, idle, args=inputs) for one in (reference, kernel)}
    return Report(True, time_ms=mean(times[kernel]), reference_ms=mean(times[reference]))
