"""One attempt at a kernel: which values have memory, and where the others are computed.

A value is computed where it is used. That ends where it would be computed again and again: a value that takes a loop,
or much arithmetic, and is wanted at several places, needs memory. Who finds that out raises
:class:`warploom.problems.lowering.operator.NeedsMemory`, and the next attempt begins.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

from warploom.errors import ProblemError
from warploom.problems.lowering.arithmetic import operations
from warploom.problems.lowering.graph import Graph, Node
from warploom.problems.lowering.literal import c_type, kept_type, literal
from warploom.problems.lowering.naming import wish_of
from warploom.problems.lowering.nest import Key, Nest
from warploom.problems.lowering.operator import Indices, NeedsMemory, Operator, Storage
from warploom.syntax.cpp.query import fresh
from warploom.syntax.cpp.render import render_expression
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Call,
    Cast,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Index,
    Name,
    RawExpression,
    Statement,
)

ON_STACK = 1024
"""Elements of a temporary that is an array of the function; more of them, or a number that varies, are allocated."""

MUCH = 4
"""Arithmetic that is not done again in another nest; a call counts so much."""

LONG = 9
"""Operations of an expression that is given a name."""


class Kernel:
    """The statements of a function, made in one go over the graph.

    Args:
        graph: what is computed.
        operators: what each operator is.
        parameters: names of the function's tensors, inputs then outputs, and of everything else that is taken.
        kept: nodes whose results have memory.
        phases: node → dimension → stride, of those whose results are gone through in phases.
        careful: whether a NaN among several elements must be their maximum.
    """

    def __init__(
        self,
        graph: Graph,
        operators: dict[str, Operator],
        tensors: Sequence[str],
        taken: set[str],
        kept: set[str],
        careful: bool,
        phases: Mapping[str, Mapping[int, int]],
    ) -> None:
        self.graph, self.careful = graph, careful
        self._phases = phases
        self.filling = ""
        """The node whose memory is being filled."""
        self._operators, self._kept = operators, kept
        self._taken = {*taken, *tensors}
        inputs = dict(zip(graph.inputs, tensors, strict=False))
        self._results: dict[str, str] = {}
        for name, text in zip(graph.outputs, tensors[len(graph.inputs) :], strict=True):
            self._results.setdefault(self._origin(name, inputs), text)
        self._stored = {name: Storage(text, graph.nodes[name].shape) for name, text in inputs.items()}
        self._stack: list[tuple[str, int]] = []
        self._met: dict[str, set[tuple[int, Key]]] = {}
        self._number = 0
        self._said: list[str] = []
        self._users = graph.users()
        self.nest = Nest(self.fresh, self._taken.__contains__)
        self.tables: list[str] = []
        """Arrays of constants, in front of the function."""
        self.head: list[Statement] = []
        self.body: list[Statement] = []
        self._allocated: list[str] = []
        for node in graph.live():
            self._visit(node)
        for name, text in zip(graph.outputs, tensors[len(graph.inputs) :], strict=True):
            own = self.storage(name)
            if own is None or own.name != text:
                self._copy(graph.nodes[name], Storage(text, graph.nodes[name].shape))
        self.body += [Evaluate(Call("std::free", (Name(name),))) for name in self._allocated]

    def fresh(self, wish: str) -> str:
        """A name that nothing else has."""
        return fresh(wish, self._taken)

    # ------------------------------------------------------------ values

    def load(self, name: str, indices: Indices) -> Expression:
        """An element of a node's result, computed here if it has no memory."""
        node = self.graph.nodes[name]
        stored = self.storage(name)
        if stored is not None:
            return stored.at(indices)
        operator = self.operator(node)
        if operator.value is None:
            raise NeedsMemory(name)
        if operator.view:
            return operator.value(self, node, indices)
        key = (name, tuple(indices))
        known = self.nest.recall(key)
        if known is not None:
            return known
        self._meet(name, key, operator)
        self._stack.append((name, len(self._met[name])))
        value = self._in_loops(node, operator, key) if operator.loops else self._in_place(node, operator, key)
        self._stack.pop()
        return value

    def direct(self, name: str) -> Callable[[Indices], Expression]:
        """Elements of a result that lies in memory: for what reads them many times."""
        self._require(name)
        return lambda indices: self.load(name, indices)

    def table(self, node: Node) -> Storage:
        """A constant tensor, written out in front of the function.

        Raises:
            ProblemError: it is too large for that, or not the same at every shape.
        """
        if not node.values:
            raise ProblemError(
                f"the reference holds a constant tensor ({node.name}) that is large or differs from shape to shape; "
                "make it an input"
            )
        name, kind = self.fresh("table"), kept_type(node.dtype)
        values = [literal(one, "uint8" if node.dtype == "bool" else node.dtype) for one in node.values]
        listed = textwrap.fill(", ".join(map(render_expression, values)), 116)
        self.tables.append(f"static const {kind} {name}[] = {{\n{textwrap.indent(listed, '    ')}}};")
        self._stored[node.name] = Storage(name, node.shape)
        return self._stored[node.name]

    def storage(self, name: str) -> Storage | None:
        """Where a result lies; also when it is another one under a new shape."""
        if name in self._stored:
            return self._stored[name]
        node = self.graph.nodes[name]
        if name not in self._results and name not in self._kept and self.operator(node).relabels:
            source = self.storage(node.ref("self"))
            return source and Storage(source.name, node.shape)
        return None

    def operator(self, node: Node) -> Operator:
        """What a node's operator is.

        Raises:
            ProblemError: it is none that can be lowered; names it.
        """
        found = self._operators.get(node.operator) or self._operators.get(node.base)
        if found is None:
            raise ProblemError(f"the operator aten.{node.operator} cannot be lowered to C++ yet")
        return found

    def bind(self, value: Expression, dtype: str, wish: str) -> Expression:
        """The value under a name, unless it is a name, a number or an element already."""
        if isinstance(value, Name | Index) or operations(value) == 0:
            return value
        return self.nest.local(f"const {c_type(dtype)}", wish, value)

    def _in_place(self, node: Node, operator: Operator, key: Key) -> Expression:
        assert operator.value is not None
        value = operator.value(self, node, key[1])
        size, home = operations(value), self.nest.home([value])
        if size and (home < self.nest.depth or self._users[node.name] > 1 or size >= LONG):
            value = self.nest.local(f"const {c_type(node.dtype)}", wish_of(node), value, home)
        if not isinstance(value, Name):
            return value
        self.nest.remember(key, value, home)
        return value

    def _in_loops(self, node: Node, operator: Operator, key: Key) -> Expression:
        assert operator.value is not None
        depth = self.nest.covers(key[1])
        if depth is None:
            raise NeedsMemory(node.name)
        outside = depth < self.nest.depth
        with self.nest.at(depth):
            value = operator.value(self, node, key[1])
            if outside or self._users[node.name] > 1:
                value = self.bind(value, node.dtype, wish_of(node))
        self.nest.remember(key, value, depth)
        return value

    def _meet(self, name: str, key: Key, operator: Operator) -> None:
        """Count who is computed where; raise as soon as somebody is computed too often."""
        met = self._met.setdefault(name, set())
        if not met:
            self._said.append(self.graph.nodes[name].base)
        met.add((self._number, key))
        if operator.loops and len(met) > 1:
            again = [one for one, times in self._stack if times > 1]
            raise NeedsMemory(again[0] if again else name)
        nests = {number for number, _ in met}
        if (len(nests) > 1 or len(met) > 2) and self._cost(name) >= MUCH:
            raise NeedsMemory(name)

    def _cost(self, name: str) -> int:
        if self.storage(name) is not None:
            return 0
        node = self.graph.nodes[name]
        operator = self.operator(node)
        return 0 if operator.loops else operator.cost + sum(self._cost(one) for one in node.refs())

    def _require(self, name: str) -> None:
        if self.storage(name) is not None:
            return
        node = self.graph.nodes[name]
        if not self.operator(node).view:
            raise NeedsMemory(name)
        for one in node.refs():
            self._require(one)

    # ------------------------------------------------------------ memory

    def _visit(self, node: Node) -> None:
        """Fill a node's memory, if it has any."""
        c_type(node.dtype)  # refuses what would be read as something else
        if node.name in self._stored:
            return
        operator = self.operator(node)
        if not (operator.write or node.name in self._kept or node.name in self._results):
            return
        result = self._results.get(node.name)
        storage = Storage(result, node.shape) if result is not None else self._allocate(node)
        self._begin(node)
        if operator.write:
            operator.write(self, node, storage)
        else:
            self._fill(node, operator, storage)
        self._stored[node.name] = storage
        self._end()

    def _origin(self, name: str, inputs: Mapping[str, str]) -> str:
        """What an output is under another shape: that is written, and nothing is copied."""
        node = self.graph.nodes[name]
        while name not in inputs and self.operator(node).relabels and node.ref("self") not in inputs:
            name = node.ref("self")
            node = self.graph.nodes[name]
        return name

    def _copy(self, node: Node, storage: Storage) -> None:
        """A result that is asked for twice, or that is an input."""
        self._begin(node)
        with self.nest.loops(storage.shape) as indices:
            self.nest.emit(Assign(storage.at(indices), "=", self.load(node.name, indices)))
        self._end()

    def _fill(self, node: Node, operator: Operator, storage: Storage) -> None:
        assert operator.value is not None
        self.filling = node.name
        with self.nest.grid(storage.shape, self._phases.get(node.name, {})) as indices:
            value = operator.value(self, node, indices)
            self.nest.emit(Assign(storage.at(indices), "=", value))

    def _allocate(self, node: Node) -> Storage:
        size = self.graph.size(node)
        name, kind = self.fresh(wish_of(node)), kept_type(node.dtype)
        if size.constant is not None and size.constant <= ON_STACK:
            self.head.append(Declare(kind, name, None, (size.expression,)))
        else:
            room = Call("std::malloc", (Binary("*", size.expression, RawExpression(f"sizeof({kind})")),))
            self.head.append(Declare(f"{kind}*", name, Cast(f"{kind}*", room)))
            self._allocated.append(name)
        return Storage(name, node.shape)

    def _begin(self, node: Node) -> None:
        self._number += 1
        self._said = []
        if not self.operator(node).view:
            self._said.append(node.base)
        self.nest = Nest(self.fresh, self._taken.__contains__)

    def _end(self) -> None:
        said = ", ".join(dict.fromkeys(one.strip("_") for one in reversed(self._said)))
        self.body += [*([Comment(said)] if said else []), *self.nest.statements]
