"""Warploom discovers fast kernels by evolution."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from warploom.errors import WarploomError
from warploom.values.candidate import Candidate
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.speedup import speedup
from warploom.values.tolerance import Tolerance

__version__ = "0.1.0"

__all__ = [
    "Candidate",
    "Evaluation",
    "Failed",
    "Passed",
    "Problem",
    "Tensor",
    "Tolerance",
    "WarploomError",
    "Workload",
    "__version__",
    "open_run",
    "speedup",
]


def __getattr__(name: str) -> Any:
    """``open_run`` is imported when it is first used: importing warploom starts nothing and loads nothing heavy."""
    if name == "open_run":
        return import_module("warploom.search.agents.opening").open_run
    raise AttributeError(f"module 'warploom' has no attribute {name!r}")
