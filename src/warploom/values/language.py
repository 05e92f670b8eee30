"""Languages of kernels, and how their files are called."""

from __future__ import annotations

SUFFIXES: dict[str, str] = {"cpp": ".cpp", "opencl": ".cl", "cuda": ".cu", "hip": ".hip", "triton": ".py"}
"""Language → the end of its files' names."""

LONGEST = 56
"""Of a file's name without its end: toolchains take no longer ones, and names of problems may be."""


def source_file(problem: str, language: str) -> str:
    """The file of a kernel for a problem of this name."""
    return f"{problem[:LONGEST]}{SUFFIXES[language]}"
