"""Operators that are made of others: each becomes those, as nodes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from warploom.problems.lowering.fit import Real
from warploom.problems.lowering.graph import Argument, Graph, Node, Ref
from warploom.problems.lowering.whole import Whole, product


class _Writer:
    """Nodes that take one node's place.

    Args:
        graph: for shapes.
        node: the one that is replaced; the last node made gets its name.
    """

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph, self.node = graph, node
        self.made: list[Node] = []

    def make(self, operator: str, shape: tuple[Whole, ...], dtype: str, /, **arguments: Argument) -> Ref:
        """One more node."""
        name = f"{self.node.name}.{len(self.made)}"
        self.made.append(Node(name, operator, arguments, shape, dtype))
        return Ref(name)

    def finished(self) -> list[Node]:
        """All of them."""
        return [*self.made[:-1], replace(self.made[-1], name=self.node.name)]


def rewrite(graph: Graph) -> None:
    """Replace, in place, every operator that is made of others."""
    nodes: dict[str, Node] = {}
    for node in graph.nodes.values():
        make = _COMPOSITES.get(node.operator) or _COMPOSITES.get(node.base)
        if make is None:
            nodes[node.name] = node
            continue
        writer = _Writer(graph, node)
        make(writer)
        for made in writer.finished():
            nodes[made.name] = made
    graph.nodes = nodes


def _kept(shape: tuple[Whole, ...], dims: list[int]) -> tuple[Whole, ...]:
    return tuple(one.same(1) if dim in dims else one for dim, one in enumerate(shape))


def _dims(node: Node, rank: int) -> list[int]:
    named = node.numbers("dim") if "dim" in node.arguments else ()
    return sorted(one % rank for one in named) if named else list(range(rank))


def _variance(writer: _Writer) -> None:
    """``var`` and ``var_mean``: the mean, then the mean of squared distances from it (two passes)."""
    node, graph = writer.node, writer.graph
    source = graph.nodes[node.ref("self")]
    dims = _dims(node, len(source.shape))
    listed: Argument = tuple(graph.one.same(dim) for dim in dims)
    kept = _kept(source.shape, dims)
    if node.result == 1:
        writer.make("mean.dim", node.shape, node.dtype, self=Ref(source.name), dim=listed)
        return
    count = product((source.shape[dim] for dim in dims), graph.one)
    correction = node.arguments.get("correction", graph.one)
    if node.arguments.get("unbiased") is False:
        correction = graph.one.same(0)
    taken = 1 if correction is None else int(correction.value) if isinstance(correction, Real) else correction
    assert isinstance(taken, int | Whole)
    mean = writer.make("mean.dim", kept, node.dtype, self=Ref(source.name), dim=listed, keepdim=True)
    apart = writer.make("sub.Tensor", source.shape, node.dtype, self=Ref(source.name), other=mean)
    square = writer.make("square.default", source.shape, node.dtype, self=apart)
    total = writer.make("sum.dim_IntList", node.shape, node.dtype, self=square, dim=listed)
    writer.make("div.Tensor", node.shape, node.dtype, self=total, other=count - taken)


def _group_norm(writer: _Writer) -> None:
    """``native_group_norm``: channels in groups, each with a mean and a variance of its own."""
    node, graph = writer.node, writer.graph
    source = graph.nodes[node.ref("input")]
    batch, channels, *rest = source.shape
    groups = node.number("group")
    each = channels // groups
    grouped = (batch, batch.same(groups), each, *rest)
    dims = list(range(2, len(grouped)))
    listed: Argument = tuple(graph.one.same(dim) for dim in dims)
    kept, dtype = _kept(grouped, dims), node.dtype
    x = writer.make("view.default", grouped, dtype, self=Ref(source.name))
    mean = writer.make("mean.dim", kept, dtype, self=x, dim=listed, keepdim=True)
    apart = writer.make("sub.Tensor", grouped, dtype, self=x, other=mean)
    square = writer.make("square.default", grouped, dtype, self=apart)
    spread = writer.make("mean.dim", kept, dtype, self=square, dim=listed, keepdim=True)
    wider = writer.make("add.Tensor", kept, dtype, self=spread, other=node.arguments["eps"])
    root = writer.make("rsqrt.default", kept, dtype, self=wider)
    normal = writer.make("mul.Tensor", grouped, dtype, self=apart, other=root)
    own = (batch.same(1), batch.same(groups), each, *(one.same(1) for one in rest))
    for name, operator in (("weight", "mul.Tensor"), ("bias", "add.Tensor")):
        if node.arguments[name] is not None:
            one = writer.make("view.default", own, dtype, self=node.arguments[name])
            normal = writer.make(operator, grouped, dtype, self=normal, other=one)
    writer.make("view.default", source.shape, dtype, self=normal)


def _extreme(values: str, places: str) -> Callable[[_Writer], None]:
    def make(writer: _Writer) -> None:
        node = writer.node
        arguments = {"self": node.arguments["self"], "dim": node.arguments["dim"]}
        writer.make(places if node.result else values, node.shape, node.dtype, **arguments)

    return make


def _whole_extreme(values: str) -> Callable[[_Writer], None]:
    def make(writer: _Writer) -> None:
        writer.make(values, writer.node.shape, writer.node.dtype, self=writer.node.arguments["self"])

    return make


def _as_maximum(operator: str) -> Callable[[_Writer], None]:
    def make(writer: _Writer) -> None:
        writer.make(operator, writer.node.shape, writer.node.dtype, **writer.node.arguments)

    return make


_COMPOSITES: Mapping[str, Callable[[_Writer], None]] = {
    "native_group_norm": _group_norm,
    "var": _variance,
    "var_mean": _variance,
    "max.dim": _extreme("amax.default", "argmax.default"),
    "min.dim": _extreme("amin.default", "argmin.default"),
    "max.default": _whole_extreme("amax.default"),
    "min.default": _whole_extreme("amin.default"),
    "max.other": _as_maximum("maximum.default"),
    "min.other": _as_maximum("minimum.default"),
}
