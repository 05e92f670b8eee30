"""Operators that take elements from elsewhere: their indices are turned, nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import ZERO, minus, modulo, number, plus, row_major, times
from warploom.problems.lowering.graph import Node
from warploom.problems.lowering.literal import literal
from warploom.problems.lowering.operator import Indices, NeedsMemory, Operator, Scope, Storage
from warploom.problems.lowering.whole import Whole, product
from warploom.syntax.cpp.tree import Cast, Expression


def axis(node: Node, name: str, rank: int) -> int:
    """A dimension that an argument names, counted from the front."""
    value = node.number(name)
    return value + rank if value < 0 else value


def regrouped(old: Sequence[Whole], new: Sequence[Whole], indices: Indices) -> list[Expression] | None:
    """Indices under an old shape of an element of a new one; None where lengths are put together.

    Every length that is the product of several new ones is found from the left.
    """
    one = (old or new)[0].same(1) if (old or new) else None
    found: list[Expression] = []
    pairs = [(length, index) for length, index in zip(new, indices, strict=True) if length.constant != 1]
    for length in old:
        if length.constant == 1:
            found.append(ZERO)
            continue
        assert one is not None
        lengths: list[Whole] = []
        places: list[Expression] = []
        while product(lengths, one) != length:
            if not pairs or product(lengths, one).largest > length.largest:
                return None
            taken, index = pairs.pop(0)
            lengths.append(taken)
            places.append(index)
        found.append(row_major(places, [taken.expression for taken in lengths]))
    return found


def _reshape(kernel: Scope, node: Node, indices: Indices) -> Expression:
    source = kernel.graph.nodes[node.ref("self")]
    stored = kernel.storage(source.name)
    if stored is not None:
        return Storage(stored.name, node.shape).at(indices)
    places = regrouped(source.shape, node.shape, indices)
    if places is None:
        raise NeedsMemory(source.name)
    return kernel.load(source.name, places)


def _same(kernel: Scope, node: Node, indices: Indices) -> Expression:
    return kernel.load(node.ref("self"), indices)


def _permute(kernel: Scope, node: Node, indices: Indices) -> Expression:
    rank = len(node.shape)
    turned: list[Expression] = [ZERO] * rank
    for place, origin in enumerate(node.numbers("dims")):
        turned[origin % rank] = indices[place]
    return kernel.load(node.ref("self"), turned)


def _transpose(kernel: Scope, node: Node, indices: Indices) -> Expression:
    one, other = (axis(node, name, len(node.shape)) for name in ("dim0", "dim1"))
    turned = list(indices)
    turned[one], turned[other] = turned[other], turned[one]
    return kernel.load(node.ref("self"), turned)


def _slice(kernel: Scope, node: Node, indices: Indices) -> Expression:
    source = kernel.graph.nodes[node.ref("self")]
    dim = axis(node, "dim", len(source.shape))
    start, step = bounded(node, "start", source.shape[dim]), node.number("step")
    places = list(indices)
    places[dim] = plus(times(indices[dim], number(step)), start.expression)
    return kernel.load(source.name, places)


def bounded(node: Node, name: str, length: Whole) -> Whole:
    """Where a slice begins, between 0 and the length; negative numbers count from the end."""
    value = node.arguments[name]
    if value is None:
        return length.same(0)
    assert isinstance(value, Whole)
    if all(-own <= one < 0 for one, own in zip(value.values, length.values, strict=True)):
        return length + value
    if all(0 <= one <= own for one, own in zip(value.values, length.values, strict=True)):
        return value
    if all(one >= own for one, own in zip(value.values, length.values, strict=True)):
        return length
    raise ProblemError(f"the operator aten.{node.operator} begins inside the tensor in some workloads alone")


def _select(kernel: Scope, node: Node, indices: Indices) -> Expression:
    source = kernel.graph.nodes[node.ref("self")]
    dim = axis(node, "dim", len(source.shape))
    value = node.arguments["index"]
    assert isinstance(value, Whole)
    chosen = source.shape[dim] + value if max(value.values) < 0 else value
    return kernel.load(source.name, [*indices[:dim], chosen.expression, *indices[dim:]])


def _flip(kernel: Scope, node: Node, indices: Indices) -> Expression:
    places = list(indices)
    for one in node.numbers("dims"):
        dim = one % len(node.shape)
        places[dim] = minus((node.shape[dim] - 1).expression, indices[dim])
    return kernel.load(node.ref("self"), places)


def _repeat(kernel: Scope, node: Node, indices: Indices) -> Expression:
    source = kernel.graph.nodes[node.ref("self")]
    own = indices[len(node.shape) - len(source.shape) :]
    places = [modulo(index, length.expression) for index, length in zip(own, source.shape, strict=True)]
    return kernel.load(source.name, places)


def _diagonal(kernel: Scope, node: Node, indices: Indices) -> Expression:
    source = kernel.graph.nodes[node.ref("self")]
    rank = len(source.shape)
    one, other = axis(node, "dim1", rank), axis(node, "dim2", rank)
    offset = node.number("offset")
    rest = iter(indices[:-1])
    places = [ZERO if dim in (one, other) else next(rest) for dim in range(rank)]
    places[one] = plus(indices[-1], number(max(-offset, 0)))
    places[other] = plus(indices[-1], number(max(offset, 0)))
    return kernel.load(source.name, places)


def _part(kernel: Scope, node: Node, indices: Indices) -> Expression:
    """One of the tensors that ``split_with_sizes`` gives."""
    dim = axis(node, "dim", len(node.shape))
    sizes = node.arguments["split_sizes"]
    assert isinstance(sizes, tuple)
    start = node.shape[dim].same(0)
    for size in sizes[: node.result]:
        assert isinstance(size, Whole)
        start = start + size
    places = list(indices)
    places[dim] = plus(indices[dim], start.expression)
    return kernel.load(node.ref("self"), places)


def _arange(kernel: Scope, node: Node, indices: Indices) -> Expression:
    start, step = node.arguments.get("start"), node.arguments.get("step")
    found = indices[0]
    if isinstance(step, Whole):
        found = times(found, step.expression)
    if isinstance(start, Whole):
        found = plus(found, start.expression)
    if any(value is not None and not isinstance(value, Whole) for value in (start, step)):
        raise ProblemError(f"the operator aten.{node.operator} with steps that are not whole cannot be lowered yet")
    return found if node.dtype == "int64" else Cast("float", found)


def _constant(kernel: Scope, node: Node, indices: Indices) -> Expression:
    if len(node.values) == 1:
        return literal(node.values[0], node.dtype)
    return kernel.table(node).at(indices)


_RELABEL = Operator(_reshape, view=True, relabels=True, cost=0)
_IDENTITY = Operator(_same, view=True, relabels=True, cost=0)

OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "flatten"), _RELABEL),
    **dict.fromkeys(("clone", "alias", "detach", "contiguous", "lift_fresh_copy", "lift_fresh"), _IDENTITY),
    "input": Operator(view=True, cost=0),  # always in memory
    "constant": Operator(_constant, view=True, cost=0),
    "permute": Operator(_permute, view=True, cost=0),
    "transpose": Operator(_transpose, view=True, cost=0),
    "slice": Operator(_slice, view=True, cost=0),
    "select": Operator(_select, view=True, cost=0),
    "flip": Operator(_flip, view=True, cost=0),
    "repeat": Operator(_repeat, view=True, cost=0),
    "diagonal": Operator(_diagonal, view=True, cost=0),
    "diagonal_copy": Operator(_diagonal, view=True, cost=0),
    "split_with_sizes": Operator(_part, view=True, cost=0),
    "arange": Operator(_arange, view=True, cost=0),
    "iota": Operator(_arange, view=True, cost=0),
}
