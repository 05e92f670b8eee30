"""Warploom discovers fast kernels by evolution."""

from __future__ import annotations

from warploom.errors import WarploomError
from warploom.values.candidate import Candidate
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem, Tensor, Tolerance, Workload
from warploom.values.speedup import Speedup, speedup

__version__ = "0.1.0"

__all__ = [
    "Candidate",
    "Evaluation",
    "Failed",
    "Passed",
    "Problem",
    "Speedup",
    "Tensor",
    "Tolerance",
    "WarploomError",
    "Workload",
    "__version__",
    "speedup",
]
