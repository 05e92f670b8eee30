"""Elements of an operator's arguments: broadcast, and in the type that is computed in."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import ZERO
from warploom.problems.lowering.fit import Real
from warploom.problems.lowering.graph import Argument, Node, Ref
from warploom.problems.lowering.literal import FLOATS, c_type, literal
from warploom.problems.lowering.operator import Indices, Scope
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Binary, Cast, Expression


def argument(kernel: Scope, node: Node, value: Argument, indices: Indices, dtype: str) -> Expression:
    """An argument at an element of the result: an element of a tensor, broadcast, or a number of this type."""
    if isinstance(value, Ref):
        own = kernel.graph.nodes[value.name]
        return kernel.load(value.name, broadcast(own.shape, node.shape, indices))
    if isinstance(value, bool):
        return literal(float(value), dtype)
    if isinstance(value, Whole):
        if value.constant is not None:
            return literal(value.constant, dtype)
        return Cast(c_type(dtype), value.expression) if dtype in FLOATS else value.expression
    if isinstance(value, Real):
        return value.expression if value.expression is not None else literal(value.value, dtype)
    raise ProblemError(f"the operator aten.{node.operator} has an argument that cannot be lowered: {value!r}")


def broadcast(shape: Sequence[Whole], wide: Sequence[Whole], indices: Indices) -> list[Expression]:
    """Indices of a tensor of this shape for an element of a result of shape ``wide``.

    Raises:
        ProblemError: a length is 1 in some workloads and that of the result in others.
    """
    found: list[Expression] = []
    skipped = len(wide) - len(shape)
    for own, other, index in zip(shape, wide[skipped:], indices[skipped:], strict=True):
        if own == other:
            found.append(index)
        elif own.constant == 1:
            found.append(ZERO)
        else:
            raise ProblemError("a tensor is broadcast in some workloads and not in others; lower them apart")
    return found


def kind_of(kernel: Scope, value: Argument, otherwise: str) -> str:
    """The type of an argument, ``otherwise`` of a number."""
    return kernel.graph.nodes[value.name].dtype if isinstance(value, Ref) else otherwise


def cast(value: Expression, source: str, target: str) -> Expression:
    """The value as another type."""
    if source == target:
        return value
    if target == "bool":
        return Binary("!=", value, literal(0, source))
    return Cast(c_type(target), value)
