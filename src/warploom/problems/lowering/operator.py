"""What an operator is to a kernel: how an element of its result is computed, or how its memory is filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warploom.problems.lowering.arithmetic import row_major
from warploom.problems.lowering.graph import Node
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Expression, Index, Name

if TYPE_CHECKING:
    from warploom.problems.lowering.kernel import Kernel

Indices = Sequence[Expression]


class NeedsMemory(Exception):  # noqa: N818 - a signal between attempts, not a fault
    """A node's result must be kept; the attempt is made again with that known."""


@dataclass(frozen=True)
class Storage:
    """Where a result lies, densely, in row-major order."""

    name: str
    shape: tuple[Whole, ...]

    def at(self, indices: Indices) -> Expression:
        """One element."""
        kept = [(index, one) for index, one in zip(indices, self.shape, strict=True) if one.constant != 1]
        return Index(Name(self.name), row_major([index for index, _ in kept], [one.expression for _, one in kept]))


@dataclass(frozen=True)
class Operator:
    """How an operator becomes C++.

    Attributes:
        value: the element of the result at these indices; may write statements into the nest.
        write: instead of it: the loops that fill the result's memory.
        loops: whether ``value`` writes loops.
        view: whether it takes elements from elsewhere and computes nothing.
        relabels: whether the result is its argument under another shape, element for element in memory.
        cost: arithmetic of an element.
    """

    value: Callable[[Kernel, Node, Indices], Expression] | None = None
    write: Callable[[Kernel, Node, Storage], None] | None = None
    loops: bool = False
    view: bool = False
    relabels: bool = False
    cost: int = 1
