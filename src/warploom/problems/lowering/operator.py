"""What an operator is to a kernel: how an element of its result is computed, or how its memory is filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from warploom.problems.lowering.arithmetic import row_major
from warploom.problems.lowering.graph import Graph, Node
from warploom.problems.lowering.nest import Nest
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Expression, Index, Name

Indices = Sequence[Expression]


class NeedsMemory(Exception):  # noqa: N818 - a signal between attempts, not a fault
    """A node's result must be kept; the attempt is made again with that known."""


class NeedsPhases(Exception):  # noqa: N818 - likewise
    """A dimension of a result must be gone through in phases; the attempt is made again with that known.

    Args:
        node: whose memory is being filled.
        place: of the dimension.
        stride: from one element of a phase to the next.
    """

    def __init__(self, node: str, place: int, stride: int) -> None:
        super().__init__(node, place, stride)
        self.node, self.place, self.stride = node, place, stride


@dataclass(frozen=True)
class Storage:
    """Where a result lies, densely, in row-major order."""

    name: str
    shape: tuple[Whole, ...]

    def at(self, indices: Indices) -> Expression:
        """One element."""
        kept = [(index, one) for index, one in zip(indices, self.shape, strict=True) if one.constant != 1]
        return Index(Name(self.name), row_major([index for index, _ in kept], [one.expression for _, one in kept]))


class Scope(Protocol):
    """What an operator may ask of the kernel that it becomes part of: :class:`~.kernel.Kernel`.

    Attributes:
        graph: what is computed.
        nest: the loops and statements being written.
        careful: whether a NaN among several elements must be their maximum.
        filling: the node whose memory is being filled.
    """

    graph: Graph
    nest: Nest
    careful: bool
    filling: str

    def load(self, name: str, indices: Indices) -> Expression:
        """An element of a node's result."""
        ...

    def direct(self, name: str) -> Callable[[Indices], Expression]:
        """Elements of a result that lies in memory: for what reads them many times."""
        ...

    def table(self, node: Node) -> Storage:
        """A constant tensor, written out in front of the function."""
        ...

    def storage(self, name: str) -> Storage | None:
        """Where a result lies; None where it has no memory."""
        ...

    def bind(self, value: Expression, dtype: str, wish: str) -> Expression:
        """The value under a name, unless it needs none."""
        ...


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

    value: Callable[[Scope, Node, Indices], Expression] | None = None
    write: Callable[[Scope, Node, Storage], None] | None = None
    loops: bool = False
    view: bool = False
    relabels: bool = False
    cost: int = 1
