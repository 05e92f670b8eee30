"""Functions of one float → their form for sixteen, which the support code defines."""

from __future__ import annotations

from collections.abc import Mapping


def _spellings(name: str) -> tuple[str, ...]:
    return (name, f"{name}f", f"std::{name}", f"std::{name}f", f"__builtin_{name}f")


VECTOR_CALLS: Mapping[str, str] = {
    spelling: f"{name}_16" if name == "expm1" else f"{name}16"
    for name in ("exp", "expm1", "tanh", "log", "log1p", "erf", "sqrt", "fabs")
    for spelling in _spellings(name)
} | {"exp_poly": "exp16", "std::abs": "fabs16", "abs": "fabs16"}
"""``std::exp`` → ``exp16``, in every spelling."""
