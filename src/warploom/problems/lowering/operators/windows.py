"""Pooling: the largest, or the mean, of a window."""

from __future__ import annotations

from contextlib import ExitStack

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import ZERO, minus, number, over, plus, times, whole_of
from warploom.problems.lowering.graph import Node
from warploom.problems.lowering.literal import c_type, literal, lowest
from warploom.problems.lowering.operator import Indices, Operator, Scope
from warploom.problems.lowering.operators.products import inside
from warploom.problems.lowering.operators.reductions import taken
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Assign, Binary, Call, Expression


class _Windows:
    """The windows of a pooling operator.

    Args:
        kernel: the attempt.
        node: the operator; its last dimensions are pooled, as many as ``kernel_size`` names.
    """

    def __init__(self, kernel: Scope, node: Node) -> None:
        self.kernel, self.node = kernel, node
        self.source = kernel.graph.nodes[node.ref("self")]
        self.read = kernel.direct(self.source.name)
        self.rank = _rank(node)
        size = node.numbers("kernel_size")
        self.size = size * self.rank if len(size) == 1 else size
        self.stride = self._all("stride", self.size)
        self.padding = self._all("padding", (0,) * self.rank)
        self.dilation = self._all("dilation", (1,) * self.rank)
        self.lengths = self.source.shape[-self.rank :]

    def _all(self, name: str, otherwise: tuple[int, ...]) -> tuple[int, ...]:
        values = node_numbers(self.node, name) or otherwise
        return values * self.rank if len(values) == 1 else values

    def leaves(self, place: int) -> bool:
        """Whether some window reaches beyond the tensor in this dimension, at some shape."""
        last = [
            (out - 1) * self.stride[place] - self.padding[place] + (self.size[place] - 1) * self.dilation[place]
            for out in self.node.shape[-self.rank + place].values
        ]
        return self.padding[place] > 0 or any(
            end >= length for end, length in zip(last, self.lengths[place].values, strict=True)
        )

    def enter(self, loops: ExitStack, indices: Indices) -> list[Expression]:
        """Loops over a window; the indices of the element that they meet."""
        nest = self.kernel.nest
        places = list(indices[: -self.rank])
        one = self.kernel.graph.one
        for place, index in enumerate(indices[-self.rank :]):
            tap = loops.enter_context(nest.loop(one.same(self.size[place])))
            row = plus(times(index, number(self.stride[place])), times(tap, number(self.dilation[place])))
            if self.leaves(place):
                wish = "column" if place == self.rank - 1 else "row"
                row = nest.local("const int64_t", wish, minus(row, number(self.padding[place])))
                loops.enter_context(nest.condition(inside(row, self.lengths[place])))
            places.append(row)
        return places


def node_numbers(node: Node, name: str) -> tuple[int, ...]:
    """Whole arguments, none where the operator has no such argument."""
    return node.numbers(name) if name in node.arguments else ()


def _rank(node: Node) -> int:
    found = next((int(letter) for letter in node.base if letter in "123"), 0)
    assert found, f"{node.operator}: no dimension in its name"
    return found


def _max_pool(kernel: Scope, node: Node, indices: Indices) -> Expression:
    if node.result:
        raise ProblemError(f"the operator aten.{node.operator} is lowered for its values, not for their places")
    windows = _Windows(kernel, node)
    largest = kernel.nest.local(c_type(node.dtype), "largest", lowest(node.dtype))
    with ExitStack() as loops:
        value = windows.read(windows.enter(loops, indices))
        kernel.nest.emit(Assign(largest, "=", taken(kernel, "std::max", ">", largest, value, node.dtype)))
    return largest


def _avg_pool(kernel: Scope, node: Node, indices: Indices) -> Expression:
    windows = _Windows(kernel, node)
    total = kernel.nest.local(c_type(node.dtype), "sum", literal(0, node.dtype))
    with ExitStack() as loops:
        value = windows.read(windows.enter(loops, indices))
        kernel.nest.emit(Assign(total, "+=", value))
    count: Expression = number(1)
    override = node.arguments.get("divisor_override")
    if isinstance(override, Whole):
        return Binary("/", total, override.expression)
    padded = bool(node.arguments.get("count_include_pad", True))
    for place, index in enumerate(indices[-windows.rank :]):
        count = times(count, _counted(windows, place, index, padded))
    known = whole_of(count)
    divisor = literal(known, node.dtype) if known is not None else kernel.bind(count, "int64", "count")
    return Binary("/", total, divisor)


def _counted(windows: _Windows, place: int, index: Expression, padded: bool) -> Expression:
    """How many places of a window count in one dimension."""
    size, padding, length = windows.size[place], windows.padding[place], windows.lengths[place]
    begin = minus(times(index, number(windows.stride[place])), number(padding))
    limit = length + (padding if padded else 0)
    ends = [
        (out - 1) * windows.stride[place] - padding + size for out in windows.node.shape[-windows.rank + place].values
    ]
    over_end = any(end > most for end, most in zip(ends, limit.values, strict=True))
    if not over_end and (padded or not padding):
        return number(size)
    end: Expression = Call("std::min<int64_t>", (plus(begin, number(size)), limit.expression))
    if not padded and padding:
        begin = Call("std::max<int64_t>", (begin, ZERO))
    return minus(end, begin)


def _adaptive(kernel: Scope, node: Node, indices: Indices, largest: bool) -> Expression:
    """Windows from i·n/m to (i + 1)·n/m, rounded outwards (PyTorch's AdaptiveAveragePooling.cpp)."""
    source = kernel.graph.nodes[node.ref("self")]
    read, rank = kernel.direct(source.name), _rank(node)
    start = lowest(node.dtype) if largest else literal(0, node.dtype)
    found = kernel.nest.local(c_type(node.dtype), "largest" if largest else "sum", start)
    count: Expression = number(1)
    places = list(indices[:-rank])
    with ExitStack() as loops:
        bounds = []
        for length, out, index in zip(source.shape[-rank:], node.shape[-rank:], indices[-rank:], strict=True):
            begin = over(times(index, length.expression), out.expression)
            after = plus(times(plus(index, number(1)), length.expression), minus(out.expression, number(1)))
            end = over(after, out.expression) if out.constant != 1 else length.expression
            if out.constant != 1:
                begin = kernel.nest.local("const int64_t", "begin", begin)
                end = kernel.nest.local("const int64_t", "end", end)
            count = times(count, minus(end, begin))
            bounds.append((begin, Whole(length.values, end)))
        for begin, last in bounds:
            places.append(loops.enter_context(kernel.nest.loop(last, begin)))
        value = read(places)
        if largest:
            kernel.nest.emit(Assign(found, "=", taken(kernel, "std::max", ">", found, value, node.dtype)))
        else:
            kernel.nest.emit(Assign(found, "+=", value))
    return found if largest else Binary("/", found, count)


def _adaptive_avg(kernel: Scope, node: Node, indices: Indices) -> Expression:
    return _adaptive(kernel, node, indices, False)


def _adaptive_max(kernel: Scope, node: Node, indices: Indices) -> Expression:
    if node.result:
        raise ProblemError(f"the operator aten.{node.operator} is lowered for its values, not for their places")
    return _adaptive(kernel, node, indices, True)


OPERATORS: dict[str, Operator] = {
    **{f"max_pool{rank}d_with_indices": Operator(_max_pool, loops=True) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d": Operator(_max_pool, loops=True) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": Operator(_avg_pool, loops=True) for rank in (1, 2, 3)},
    **{f"_adaptive_avg_pool{rank}d": Operator(_adaptive_avg, loops=True) for rank in (2, 3)},
    **{f"adaptive_avg_pool{rank}d": Operator(_adaptive_avg, loops=True) for rank in (1, 2, 3)},
    **{f"adaptive_max_pool{rank}d": Operator(_adaptive_max, loops=True) for rank in (1, 2, 3)},
}
