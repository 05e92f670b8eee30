"""Languages of kernels, and how their files are called."""

from __future__ import annotations

SUFFIXES: dict[str, str] = {"cpp": ".cpp", "opencl": ".cl", "cuda": ".cu", "hip": ".hip", "triton": ".py"}
"""Language → the end of its files' names."""
