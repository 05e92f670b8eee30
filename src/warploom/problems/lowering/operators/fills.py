"""Operators whose result is written piece by piece, running along a dimension, or at places that a tensor names."""

from __future__ import annotations

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import ZERO, number, plus, times
from warploom.problems.lowering.graph import Node, Ref
from warploom.problems.lowering.literal import c_type, literal
from warploom.problems.lowering.operator import Indices, Operator, Scope, Storage
from warploom.problems.lowering.operators.elements import argument
from warploom.problems.lowering.operators.reductions import summing_type
from warploom.problems.lowering.operators.views import axis, bounded
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Assign, Binary, Expression, Ternary


def _cat(kernel: Scope, node: Node, storage: Storage) -> None:
    parts = node.arguments["tensors"]
    assert isinstance(parts, tuple)
    dim = axis(node, "dim", len(node.shape))
    start = node.shape[dim].same(0)
    for part in parts:
        assert isinstance(part, Ref)
        own = kernel.graph.nodes[part.name]
        if len(own.shape) != len(node.shape):  # PyTorch skips an empty tensor of one dimension
            continue
        with kernel.nest.loops(own.shape) as indices:
            places = list(indices)
            places[dim] = plus(start.expression, indices[dim]) if start.constant != 0 else indices[dim]
            kernel.nest.emit(Assign(storage.at(places), "=", kernel.load(own.name, indices)))
        start = start + own.shape[dim]


def _pad(kernel: Scope, node: Node, storage: Storage) -> None:
    source = kernel.graph.nodes[node.ref("self")]
    pad = node.numbers("pad")
    before = [0] * (len(node.shape) - len(pad) // 2) + list(pad[-2::-2])
    after = [0] * (len(node.shape) - len(pad) // 2) + list(pad[-1::-2])
    if any(one > 0 for one in pad):
        with kernel.nest.loops(node.shape) as indices:
            value = argument(kernel, node, node.arguments["value"], indices, node.dtype)
            kernel.nest.emit(Assign(storage.at(indices), "=", value))
    kept = [
        length + min(one, 0) + min(other, 0) for length, one, other in zip(source.shape, before, after, strict=True)
    ]
    with kernel.nest.loops(kept) as indices:
        taken = [plus(index, number(max(-one, 0))) for index, one in zip(indices, before, strict=True)]
        put = [plus(index, number(max(one, 0))) for index, one in zip(indices, before, strict=True)]
        kernel.nest.emit(Assign(storage.at(put), "=", kernel.load(source.name, taken)))


def _scan(sign: str, start: float) -> Operator:
    """A running sum or product: in double where a sum of so many would be."""

    def write(kernel: Scope, node: Node, storage: Storage) -> None:
        source = kernel.graph.nodes[node.ref("self")]
        if not node.shape:
            kernel.nest.emit(Assign(storage.at([]), "=", kernel.load(source.name, [])))
            return
        dim = axis(node, "dim", len(node.shape))
        inner = summing_type(node.dtype, node.shape[dim])
        with kernel.nest.loops([*node.shape[:dim], *node.shape[dim + 1 :]]) as others:
            running = kernel.nest.local(c_type(inner), "running", literal(start, inner))
            with kernel.nest.loop(node.shape[dim]) as index:
                places = [*others[:dim], index, *others[dim:]]
                kernel.nest.emit(Assign(running, sign, kernel.load(source.name, places)))
                kernel.nest.emit(Assign(storage.at(places), "=", running))

    return Operator(write=write)


def _copy_all(kernel: Scope, name: str, storage: Storage) -> None:
    with kernel.nest.loops(storage.shape) as indices:
        kernel.nest.emit(Assign(storage.at(indices), "=", kernel.load(name, indices)))


def _slice_scatter(kernel: Scope, node: Node, storage: Storage) -> None:
    _copy_all(kernel, node.ref("self"), storage)
    source = kernel.graph.nodes[node.ref("src")]
    dim = axis(node, "dim", len(node.shape))
    start, step = bounded(node, "start", node.shape[dim]), node.number("step")
    with kernel.nest.loops(source.shape) as indices:
        places = list(indices)
        places[dim] = plus(times(indices[dim], number(step)), start.expression)
        kernel.nest.emit(Assign(storage.at(places), "=", kernel.load(source.name, indices)))


def _select_scatter(kernel: Scope, node: Node, storage: Storage) -> None:
    _copy_all(kernel, node.ref("self"), storage)
    source = kernel.graph.nodes[node.ref("src")]
    dim = axis(node, "dim", len(node.shape))
    value = node.arguments["index"]
    assert isinstance(value, Whole)
    chosen = node.shape[dim] + value if max(value.values) < 0 else value
    with kernel.nest.loops(source.shape) as indices:
        places = [*indices[:dim], chosen.expression, *indices[dim:]]
        kernel.nest.emit(Assign(storage.at(places), "=", kernel.load(source.name, indices)))


def _scatter(sign: str) -> Operator:
    def write(kernel: Scope, node: Node, storage: Storage) -> None:
        _copy_all(kernel, node.ref("self"), storage)
        index = kernel.graph.nodes[node.ref("index")]
        dim = axis(node, "dim", len(node.shape))
        with kernel.nest.loops(index.shape) as indices:
            places = list(indices)
            places[dim] = kernel.bind(kernel.load(index.name, indices), "int64", "place")
            source = node.arguments["src"] if "src" in node.arguments else node.arguments["value"]
            value = (
                kernel.load(source.name, indices)
                if isinstance(source, Ref)
                else argument(kernel, node, source, indices, node.dtype)
            )
            kernel.nest.emit(Assign(storage.at(places), sign, value))

    return Operator(write=write)


def _gather(kernel: Scope, node: Node, indices: Indices) -> Expression:
    read = kernel.direct(node.ref("self"))
    dim = axis(node, "dim", len(node.shape))
    places = list(indices)
    places[dim] = kernel.load(node.ref("index"), indices)
    return read(places)


def _index_select(kernel: Scope, node: Node, indices: Indices) -> Expression:
    read = kernel.direct(node.ref("self"))
    dim = axis(node, "dim", len(node.shape))
    places = list(indices)
    places[dim] = kernel.load(node.ref("index"), [indices[dim]])
    return read(places)


def _embedding(kernel: Scope, node: Node, indices: Indices) -> Expression:
    read = kernel.direct(node.ref("weight"))
    return read([kernel.load(node.ref("indices"), indices[:-1]), indices[-1]])


def _index(kernel: Scope, node: Node, indices: Indices) -> Expression:
    """``x[rows, :, columns]``: where tensors of places stand side by side, their dimensions do in the result."""
    source = kernel.graph.nodes[node.ref("self")]
    read = kernel.direct(source.name)
    named = node.arguments["indices"]
    assert isinstance(named, tuple)
    places = [*named, *([None] * (len(source.shape) - len(named)))]
    used = [dim for dim, one in enumerate(places) if one is not None]
    tensors = [kernel.graph.nodes[one.name] for one in places if isinstance(one, Ref)]
    if any(tensor.dtype == "bool" for tensor in tensors):
        raise ProblemError(f"the operator aten.{node.operator} with a mask cannot be lowered to C++ yet")
    rank = max(len(tensor.shape) for tensor in tensors)
    begin = used[0] if used == list(range(used[0], used[-1] + 1)) else 0
    shared = indices[begin : begin + rank]
    rest = iter([*indices[:begin], *indices[begin + rank :]])
    wide = node.shape[begin : begin + rank]
    found: list[Expression] = []
    for dim, one in enumerate(places):
        if not isinstance(one, Ref):
            found.append(next(rest))
            continue
        tensor = kernel.graph.nodes[one.name]
        skipped = rank - len(tensor.shape)
        own = [
            index if length == other else ZERO
            for index, length, other in zip(shared[skipped:], tensor.shape, wide[skipped:], strict=True)
        ]
        found.append(_wrapped(kernel, kernel.load(tensor.name, own), source.shape[dim]))
    return read(found)


def _wrapped(kernel: Scope, place: Expression, length: Whole) -> Expression:
    """A place that may be counted from the end."""
    place = kernel.bind(place, "int64", "place")
    return Ternary(Binary("<", place, ZERO), plus(place, length.expression), place)


OPERATORS: dict[str, Operator] = {
    "cat": Operator(write=_cat),
    "constant_pad_nd": Operator(write=_pad),
    "cumsum": _scan("+=", 0.0),
    "cumprod": _scan("*=", 1.0),
    "slice_scatter": Operator(write=_slice_scatter),
    "select_scatter": Operator(write=_select_scatter),
    "scatter": _scatter("="),
    "scatter_add": _scatter("+="),
    "gather": Operator(_gather),
    "index_select": Operator(_index_select),
    "embedding": Operator(_embedding),
    "index": Operator(_index),
    "_unsafe_index": Operator(_index),
}
