"""Traces of one reference at several shapes → one graph in which every number is an expression of the axes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import ONE
from warploom.problems.lowering.fit import Fit, Real
from warploom.problems.lowering.whole import Whole, product


@dataclass(frozen=True)
class Ref:
    """The result of a node."""

    name: str


@dataclass(frozen=True)
class Dtype:
    """A type as an argument."""

    name: str


Argument = Ref | Whole | Real | Dtype | bool | str | None | tuple["Argument", ...]


@dataclass(frozen=True)
class Node:
    """One operator, with one result.

    Attributes:
        name: of the result, unique in the graph.
        operator: ``sum.dim_IntList``: namespace left out, overload kept.
        arguments: by the names of the operator's schema, defaults filled in.
        shape: of the result.
        dtype: of the result, as :data:`warploom.values.problem.ITEM_BYTES` names them.
        result: which of the operator's results this is.
        values: of a constant.
    """

    name: str
    operator: str
    arguments: Mapping[str, Argument]
    shape: tuple[Whole, ...]
    dtype: str
    result: int = 0
    values: tuple[float, ...] = ()

    @property
    def base(self) -> str:
        """The operator without its overload: ``sum``."""
        return self.operator.partition(".")[0]

    def ref(self, name: str) -> str:
        """The node that a tensor argument is the result of."""
        value = self.arguments[name]
        assert isinstance(value, Ref), f"{self.operator}: {name} is no tensor"
        return value.name

    def number(self, name: str) -> int:
        """A whole argument that is the same at every shape.

        Raises:
            ProblemError: it is not.
        """
        return constant(self.arguments[name], self.operator)

    def numbers(self, name: str) -> tuple[int, ...]:
        """Several such; one stands for a tuple of one, None for none."""
        value = self.arguments[name]
        if value is None:
            return ()
        return tuple(constant(one, self.operator) for one in (value if isinstance(value, tuple) else (value,)))

    def refs(self) -> list[str]:
        """Every node that this one reads."""
        return list(_refs(self.arguments.values()))


@dataclass
class Graph:
    """Nodes in an order in which each follows what it reads.

    Attributes:
        nodes: name → node; inputs and constants too.
        inputs: names, in calling order.
        outputs: names, in calling order.
        one: the number 1 at as many shapes as were traced.
        fit: finds expressions of the axes; holds the lengths that were given a name.
    """

    nodes: dict[str, Node]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    one: Whole
    fit: Fit = field(repr=False)

    def size(self, node: Node) -> Whole:
        """Elements of a node's result."""
        return product(node.shape, self.one)

    def live(self) -> list[Node]:
        """The nodes that an output needs, in order."""
        wanted, waiting = set[str](), list(self.outputs)
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.nodes[name].refs()
        return [node for name, node in self.nodes.items() if name in wanted]

    def users(self) -> dict[str, int]:
        """How often each node is read by those that an output needs."""
        users = dict.fromkeys(self.nodes, 0)
        for node in self.live():
            for name in node.refs():
                users[name] += 1
        return users


def constant(value: Argument, operator: str) -> int:
    """A whole number that is the same at every shape.

    Raises:
        ProblemError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Whole) or value.constant is None:
        raise ProblemError(f"the operator aten.{operator} has an argument that differs from shape to shape")
    return value.constant


def unify(traces: Sequence[Mapping[str, Any]], words: Iterable[str]) -> Graph:
    """One graph for all traces that are built as the first one is; a length of 1 may change how a graph is built.

    Args:
        traces: as :mod:`warploom.problems.lowering.trace` prints them.
        words: of the shapes of the problem's tensors.

    Raises:
        ProblemError: a number follows from the axes in no simple way.
    """
    wanted = _form(traces[0])
    chosen = [one for one in traces if _form(one) == wanted]
    axes = {name: [one["axes"][name] for one in chosen] for name in chosen[0]["axes"]}
    fit = Fit(axes, words)
    one = Whole((1,) * len(chosen), ONE)
    nodes: dict[str, Node] = {}

    def shape(lists: Sequence[Sequence[int]]) -> tuple[Whole, ...]:
        return tuple(fit.whole(lengths) for lengths in zip(*lists, strict=True))

    for several in zip(*(one["inputs"] for one in chosen), strict=True):
        node = Node(several[0]["name"], "input", {}, shape([s["shape"] for s in several]), several[0]["dtype"])
        nodes[node.name] = node
    for name, first in chosen[0]["constants"].items():
        same = all(one["constants"][name] == first for one in chosen)
        values = tuple(map(_float, first["values"])) if same and first["values"] is not None else ()
        lengths = shape([one["constants"][name]["shape"] for one in chosen])
        nodes[name] = Node(name, "constant", {}, lengths, first["dtype"], values=values)
    for several in zip(*(one["nodes"] for one in chosen), strict=True):
        arguments = {
            name: _argument(fit, [one["arguments"][name] for one in several]) for name in several[0]["arguments"]
        }
        for place, result in enumerate(several[0]["results"]):
            if result is None:
                continue
            name = several[0]["name"] if len(several[0]["results"]) == 1 else f"{several[0]['name']}:{place}"
            lengths = shape([one["results"][place]["shape"] for one in several])
            operator = several[0]["operator"].removeprefix("aten.").removeprefix("prims.")
            nodes[name] = Node(name, operator, arguments, lengths, result["dtype"], place)
    nodes = _without_getitem(nodes)
    outputs = []
    for place, output in enumerate(chosen[0]["outputs"]):
        if "node" in output:
            outputs.append(output["node"])
        else:
            name = f"given_{place}"
            given = [one["outputs"][place]["value"] for one in chosen]
            kind = "bool" if isinstance(given[0], bool) else "int64" if isinstance(given[0], int) else "float32"
            filled = {"fill_value": _argument(fit, given)}
            nodes[name] = Node(name, "full.default", filled, (), kind)
            outputs.append(name)
    found = tuple(_result(nodes, name) for name in outputs)
    return Graph(nodes, tuple(one["name"] for one in chosen[0]["inputs"]), found, one, fit)


def _float(value: Any) -> float:
    return float(value["float"]) if isinstance(value, Mapping) else float(value)


def _without_getitem(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Results of operators with several are read directly."""
    renamed: dict[str, str] = {}
    found: dict[str, Node] = {}
    for name, node in nodes.items():
        if node.operator == "getitem":
            base = node.arguments["self"]
            assert isinstance(base, Ref)
            place = node.number("index")
            several = f"{base.name}:{place}"
            renamed[name] = several if several in nodes else base.name
    for name, node in nodes.items():
        if name not in renamed:
            arguments = {key: _renamed(value, renamed) for key, value in node.arguments.items()}
            found[name] = Node(name, node.operator, arguments, node.shape, node.dtype, node.result, node.values)
    for alias, name in renamed.items():
        found.setdefault(alias, Node(alias, "alias.default", {"self": Ref(name)}, nodes[name].shape, nodes[name].dtype))
    return found


def _result(nodes: Mapping[str, Node], name: str) -> str:
    return name if name in nodes else f"{name}:0"


def _renamed(value: Argument, names: Mapping[str, str]) -> Argument:
    if isinstance(value, Ref):
        return Ref(names.get(value.name, value.name))
    if isinstance(value, tuple):
        return tuple(_renamed(one, names) for one in value)
    return value


def _argument(fit: Fit, values: Sequence[Any]) -> Argument:
    """One argument, from what it is at every shape."""
    first = values[0]
    if isinstance(first, list):
        return tuple(_argument(fit, list(one)) for one in zip(*values, strict=True))
    if isinstance(first, Mapping):
        if "node" in first:
            return Ref(first["node"])
        return Dtype(first["dtype"]) if "dtype" in first else Real(float(first["float"]))
    if first is None or isinstance(first, bool | str):
        return first
    if isinstance(first, int):
        return fit.whole(values)
    return fit.real(values)


def _refs(values: Iterable[Argument]) -> Iterable[str]:
    for value in values:
        if isinstance(value, Ref):
            yield value.name
        elif isinstance(value, tuple):
            yield from _refs(value)


def _form(trace: Mapping[str, Any]) -> str:
    """How a trace is built: everything but its numbers."""

    def blank(value: Any) -> Any:
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return type(value).__name__
        if isinstance(value, Mapping):
            return {name: blank(one) for name, one in value.items()}
        return [blank(one) for one in value]

    constants = {name: {**one, "values": None} for name, one in trace["constants"].items()}
    kept = {"nodes": trace["nodes"], "outputs": trace["outputs"], "constants": constants, "inputs": trace["inputs"]}
    return json.dumps(blank(kept), sort_keys=True)
