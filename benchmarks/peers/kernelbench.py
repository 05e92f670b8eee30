"""KernelBench: its whole ``eval_kernel_against_ref`` and its static checker, on its own problem files."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import torch
from benchmarks.peers import stand_in
from benchmarks.peers.catalog import SIZE, Candidate
from benchmarks.peers.report import Report

FOLDER = "KernelBench"
REPOSITORY = "ScalingIntelligence/KernelBench"
TITLE = "KernelBench"
STEPS = ("all",)
PROBLEMS = {
    "product": ("1_Square_matrix_multiplication_.py", {"N = 2048 * 2": f"N = {SIZE}"}),
    "softmax": ("23_Softmax.py", {"batch_size = 4096": "batch_size = 8"}),
}
"""Problem file of level 1, and what is made smaller in it."""

WRAPPER = """

class ModelNew(torch.nn.Module):
    def forward(self, *inputs):
        return kernel(*inputs)
"""


def load(checkout: Path) -> None:
    """Import what is needed of it."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    sys.path.insert(0, str(checkout / "src"))
    stand_in.install(pretend_available=True)
    for name in ("kernelbench.eval", "kernelbench.kernel_static_checker"):
        importlib.import_module(name)


def judge(checkout: Path, candidate: Candidate, step: str) -> Report:
    """What KernelBench says of it."""
    evaluation = importlib.import_module("kernelbench.eval")
    checker = importlib.import_module("kernelbench.kernel_static_checker")
    source = candidate.text + WRAPPER
    # No backend: it would ask for a CUDA or Triton kernel, which nothing here is.
    _, errors, _ = checker.validate_kernel_static(source, backend="none", precision="fp32")
    result = evaluation.eval_kernel_against_ref(
        problem(checkout, candidate.problem),
        source,
        num_correct_trials=5,
        measure_performance=True,
        device=torch.device("cpu"),
    )
    flags = [f"static checker: {error}" for error in errors]
    if result.metadata.get("excessive_speedup"):
        flags.append(f"flagged: {result.ref_runtime / result.runtime:.3g}x, above its limit of 10")
    timed = result.correctness and result.runtime > 0
    said = ("correctness_issue", "runtime_error", "max_difference", "correctness_trials")
    return Report(
        accepted=bool(result.correctness),
        flags=tuple(flags),
        time_ms=float(result.runtime) if timed else None,
        reference_ms=float(result.ref_runtime) if timed else None,
        detail="; ".join(f"{key}: {result.metadata[key]}" for key in said if key in result.metadata)[:200],
    )


def problem(checkout: Path, name: str) -> str:
    """Text of its problem file, with smaller sizes."""
    file, smaller = PROBLEMS[name]
    text = (checkout / "KernelBench" / "level1" / file).read_text()
    for old, new in smaller.items():
        if text.count(old) != 1:
            raise ValueError(f"{file} of this KernelBench does not say {old!r}; the adapter needs to be adapted")
        text = text.replace(old, new)
    return text
