"""Operators that make one element of many: a loop with an accumulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from warploom.problems.lowering.arithmetic import ZERO, row_major
from warploom.problems.lowering.graph import Node
from warploom.problems.lowering.literal import FLOATS, c_type, highest, literal, lowest
from warploom.problems.lowering.naming import wish_of
from warploom.problems.lowering.operator import Indices, Operator, Scope
from warploom.problems.lowering.operators.elements import cast
from warploom.problems.lowering.whole import Whole, product
from warploom.syntax.cpp.tree import Assign, Binary, Call, Expression, If, Name, Ternary

MANY = 512
"""Terms above which a sum is kept in double: one running float loses digits over so many."""


@contextmanager
def reduced(kernel: Scope, node: Node, indices: Indices) -> Iterator[tuple[Expression, list[Expression], Whole]]:
    """Loops over the dimensions that go; yields an element of the argument, the loops' variables, how many elements."""
    source = kernel.graph.nodes[node.ref("self")]
    rank = len(source.shape)
    gone = gone_dims(node, rank)
    count = product((source.shape[dim] for dim in gone), kernel.graph.one)
    kept = [dim for dim in range(rank) if dim not in gone]
    own = (
        dict(zip(range(rank), indices, strict=True)) if len(indices) == rank else dict(zip(kept, indices, strict=True))
    )
    with ExitStack() as loops:
        inner = {dim: loops.enter_context(kernel.nest.loop(source.shape[dim])) for dim in gone}
        places = [inner[dim] if dim in inner else own[dim] for dim in range(rank)]
        yield kernel.load(source.name, places), [inner[dim] for dim in gone], count


def gone_dims(node: Node, rank: int) -> list[int]:
    """The dimensions that a reduction goes over: all of them where it names none."""
    named = node.arguments.get("dim")
    if named is None or named == ():
        return list(range(rank))
    return sorted(one % rank for one in node.numbers("dim")) if rank else []


def count_of(kernel: Scope, node: Node) -> Whole:
    """How many elements of the argument make one of the result."""
    source = kernel.graph.nodes[node.ref("self")]
    return product((source.shape[dim] for dim in gone_dims(node, len(source.shape))), kernel.graph.one)


def as_result(kernel: Scope, value: Expression, inner: str, node: Node) -> Expression:
    """What was added up in another type, in the result's."""
    return value if inner == node.dtype else kernel.nest.local(f"const {c_type(node.dtype)}", wish_of(node), value)


def summing_type(dtype: str, count: Whole) -> str:
    """The type in which so many are added up."""
    return "float64" if dtype == "float32" and count.largest > MANY else dtype


def _sum(kernel: Scope, node: Node, indices: Indices) -> Expression:
    inner = summing_type(node.dtype, count_of(kernel, node))
    total = kernel.nest.local(c_type(inner), "total" if inner != node.dtype else wish_of(node), literal(0, inner))
    with reduced(kernel, node, indices) as (value, _, _):
        kernel.nest.emit(Assign(total, "+=", value))
    return as_result(kernel, total, inner, node)


def _mean(kernel: Scope, node: Node, indices: Indices) -> Expression:
    count = count_of(kernel, node)
    inner = summing_type(node.dtype, count)
    total = kernel.nest.local(c_type(inner), "total", literal(0, inner))
    with reduced(kernel, node, indices) as (value, _, _):
        kernel.nest.emit(Assign(total, "+=", value))
    divisor = literal(count.constant, inner) if count.constant is not None else count.expression
    return as_result(kernel, Binary("/", total, divisor), inner, node)


def _product(kernel: Scope, node: Node, indices: Indices) -> Expression:
    total = kernel.nest.local(c_type(node.dtype), "product", literal(1, node.dtype))
    with reduced(kernel, node, indices) as (value, _, _):
        kernel.nest.emit(Assign(total, "*=", value))
    return total


def _extreme(function: str, start: Callable[[str], Expression], sign: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        found = kernel.nest.local(c_type(node.dtype), wish_of(node), start(node.dtype))
        with reduced(kernel, node, indices) as (value, _, _):
            kernel.nest.emit(Assign(found, "=", taken(kernel, function, sign, found, value, node.dtype)))
        return found

    return Operator(value, loops=True)


def taken(kernel: Scope, function: str, sign: str, found: Name, value: Expression, dtype: str) -> Expression:
    """The larger or smaller of two; a NaN is either where that matters."""
    if not kernel.careful or dtype not in FLOATS:
        return Call(function, (found, value))
    value = kernel.bind(value, dtype, "value")
    return Ternary(Binary("||", Binary(sign, value, found), Binary("!=", value, value)), value, found)


def _place(start: Callable[[str], Expression], sign: str) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        source = kernel.graph.nodes[node.ref("self")]
        best = kernel.nest.local(c_type(source.dtype), "best", start(source.dtype))
        place = kernel.nest.local("int64_t", "place", ZERO)
        gone = gone_dims(node, len(source.shape))
        with reduced(kernel, node, indices) as (value, inner, _):
            value = kernel.bind(value, source.dtype, "value")
            where = row_major(inner, [source.shape[dim].expression for dim in gone])
            kernel.nest.emit(If(Binary(sign, value, best), (Assign(best, "=", value), Assign(place, "=", where))))
        return place

    return Operator(value, loops=True)


def _truth(sign: str, start: bool) -> Operator:
    def value(kernel: Scope, node: Node, indices: Indices) -> Expression:
        source = kernel.graph.nodes[node.ref("self")]
        found = kernel.nest.local("bool", wish_of(node), literal(start, "bool"))
        with reduced(kernel, node, indices) as (value, _, _):
            kernel.nest.emit(Assign(found, "=", Binary(sign, found, cast(value, source.dtype, "bool"))))
        return found

    return Operator(value, loops=True)


OPERATORS: dict[str, Operator] = {
    "sum": Operator(_sum, loops=True),
    "mean": Operator(_mean, loops=True),
    "prod": Operator(_product, loops=True),
    "amax": _extreme("std::max", lowest, ">"),
    "amin": _extreme("std::min", highest, "<"),
    "argmax": _place(lowest, ">"),
    "argmin": _place(highest, "<"),
    "any": _truth("||", False),
    "all": _truth("&&", True),
}
