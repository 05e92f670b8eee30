"""The operators that can be lowered, one file a family."""

from __future__ import annotations

from warploom.problems.lowering.operator import Operator
from warploom.problems.lowering.operators import fills, pointwise, products, reductions, views, windows

OPERATORS: dict[str, Operator] = {
    **pointwise.OPERATORS,
    **views.OPERATORS,
    **reductions.OPERATORS,
    **products.OPERATORS,
    **windows.OPERATORS,
    **fills.OPERATORS,
}
"""Operator, with its overload or without → what it becomes."""
