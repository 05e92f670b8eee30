"""Which wrong answers a problem is tried with; :mod:`warploom.judge.reference.pretend` computes them."""

from __future__ import annotations

from warploom.values.audit import Pretender
from warploom.values.problem import FLOATS, Problem

NARROWER: dict[str, tuple[str, ...]] = {"float64": ("float32",), "float32": ("bfloat16", "float16", "tfloat32")}
"""Formats a kernel could compute in instead; tfloat32 has float16's significand and float32's range."""

STORED: tuple[str, ...] = ("float32", "bfloat16", "float16")
"""Of those, what PyTorch can store a tensor in."""

SHARES: tuple[float, ...] = (0.005, 0.05)
"""How much of an axis is skipped."""

ROWS = 1000
"""Every so many rows one is skipped."""

EVEN = 8
"""A kernel without a remainder loop is right for multiples of its vector's length."""


def pretenders(problem: Problem) -> tuple[Pretender, ...]:
    """Every pretender that the problem's tensors allow for, those of one family together."""
    return (
        Pretender("constant", "zero", (), "zero"),
        Pretender("constant", "constant", (), "one constant"),
        Pretender("constant", "mean", (), "each row's own mean"),
        Pretender("replay", "replayed", (), "the right answer to other inputs"),
        *_stale(problem),
        *(Pretender("replay", "copied", (name,), f"a copy of {name}") for name in problem.inputs),
        *_rounded(problem),
        *_tails(problem),
        Pretender("part", "rows", (ROWS,), f"every {ROWS}th row left out"),
        Pretender("case", "timed_only", (), "right on timed shapes only"),
        Pretender("case", "even_only", (EVEN,), f"right on multiples of {EVEN} only"),
        Pretender("case", "recipes_only", (), "right on ordinary inputs only"),
    )


def _stale(problem: Problem) -> list[Pretender]:
    if len(problem.inputs) < 2:
        return []  # the same as "replayed"
    return [Pretender("replay", "stale", (name,), f"{name} kept from an earlier call") for name in problem.inputs]


def _rounded(problem: Problem) -> list[Pretender]:
    kinds = {tensor.dtype for tensor in (*problem.inputs.values(), *problem.outputs.values()) if tensor.dtype in FLOATS}
    widest = next((kind for kind in ("float64", "float32") if kind in kinds), "")
    return [
        Pretender("precision", "rounded", (what, dtype), f"{what} in {dtype}")
        for what in ("inputs", "products", "outputs", "everything")
        for dtype in NARROWER.get(widest, ())
        if dtype in STORED or what in ("inputs", "products")
    ]


def _tails(problem: Problem) -> list[Pretender]:
    return [
        Pretender("part", "tail", (name, axis, share), f"last {100 * share:g} % of {name} along {word}")
        for name, tensor in problem.inputs.items()
        for axis, word in enumerate(tensor.shape.split())
        if word != "1"
        for share in SHARES
    ]
