"""Products of matrices, and convolutions: sums over what two tensors share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from warploom.problems.lowering.arithmetic import ZERO, minus, modulo, number, over, plus, times
from warploom.problems.lowering.graph import Node
from warploom.problems.lowering.literal import c_type, literal
from warploom.problems.lowering.naming import wish_of
from warploom.problems.lowering.nest import Split
from warploom.problems.lowering.operator import Indices, NeedsPhases, Operator, Scope
from warploom.problems.lowering.operators.elements import argument
from warploom.problems.lowering.whole import Whole
from warploom.syntax.cpp.tree import Assign, Binary, Expression, Name

Read = Callable[[Indices], Expression]

MANY = 1 << 14
"""Terms above which a product is summed in double."""


def _summing(kernel: Scope, node: Node, terms: int, start: Expression | None = None) -> tuple[Name, str]:
    """The local that a product is summed in, and its type."""
    inner = "float64" if node.dtype == "float32" and terms > MANY else node.dtype
    wish = "sum" if inner == node.dtype else "total"
    return kernel.nest.local(c_type(inner), wish, start or literal(0, inner)), inner


def _finished(kernel: Scope, node: Node, total: Name, inner: str) -> Expression:
    return total if inner == node.dtype else kernel.nest.local(f"const {c_type(node.dtype)}", wish_of(node), total)


def _matmul(kernel: Scope, node: Node, one: str, other: str, indices: Indices, start: Expression | None) -> Expression:
    left, right = kernel.direct(node.ref(one)), kernel.direct(node.ref(other))
    shared = kernel.graph.nodes[node.ref(one)].shape[-1]
    *batch, row, column = indices
    total, inner = _summing(kernel, node, shared.largest, start)
    with kernel.nest.loop(shared) as k:
        kernel.nest.emit(Assign(total, "+=", Binary("*", left([*batch, row, k]), right([*batch, k, column]))))
    return _finished(kernel, node, total, inner)


def _mm(kernel: Scope, node: Node, indices: Indices) -> Expression:
    name = "mat2" if "mat2" in node.arguments else "other"
    return _matmul(kernel, node, "self", name, indices, None)


def _addmm(kernel: Scope, node: Node, indices: Indices) -> Expression:
    scales = [node.arguments.get(name) for name in ("beta", "alpha")]
    plain = all(isinstance(one, Whole) and one.constant == 1 for one in scales)
    names = ("mat1", "mat2") if "mat1" in node.arguments else ("batch1", "batch2")
    bias = argument(kernel, node, node.arguments["self"], indices, node.dtype)
    if plain:
        return _matmul(kernel, node, *names, indices, bias)
    product = _matmul(kernel, node, *names, indices, None)
    beta, alpha = (argument(kernel, node, one, indices, node.dtype) for one in scales)
    return Binary("+", Binary("*", beta, bias), Binary("*", alpha, product))


class _Convolution:
    """One convolution: its arguments, read once.

    Args:
        kernel: the attempt.
        node: ``convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)``.
    """

    def __init__(self, kernel: Scope, node: Node) -> None:
        self.kernel, self.node = kernel, node
        self.input = kernel.graph.nodes[node.ref("input")]
        self.weight = kernel.graph.nodes[node.ref("weight")]
        self.read_input, self.read_weight = kernel.direct(self.input.name), kernel.direct(self.weight.name)
        rank = len(node.shape) - 2
        self.stride, self.padding, self.dilation = (
            values * rank if len(values) == 1 else values
            for values in (node.numbers("stride"), node.numbers("padding"), node.numbers("dilation"))
        )
        groups = node.arguments["groups"]
        assert isinstance(groups, Whole)
        self.groups = groups
        self.taps = self.weight.shape[2:]

    def element(self, indices: Indices) -> Expression:
        """An element of the result: loops over the channels of its group, and over the taps of the window."""
        kernel, node = self.kernel, self.node
        transposed, grouped = bool(node.arguments["transposed"]), self.groups.largest > 1
        batch, filter_, *places = indices
        filters = node.shape[1] // self.groups
        channels = self.weight.shape[0] // self.groups if transposed else self.weight.shape[1]
        group = over(filter_, filters.expression) if grouped and filters.constant != 1 else filter_
        if not grouped:
            group = ZERO
        if not isinstance(group, Name) and group != ZERO:
            group = kernel.nest.local("const int64_t", "group", group, kernel.nest.home([group]))
        terms = channels.largest
        for length in self.taps:
            terms *= length.largest
        total, inner = _summing(kernel, node, terms, self._bias(filter_))
        # Where few taps meet a row, which ones is asked once for all channels.
        seldom = transposed and any(map(self._seldom_meets, range(len(places))))
        with ExitStack() as loops:
            channel = ZERO if seldom else loops.enter_context(kernel.nest.loop(channels))
            taps: list[Expression] = []
            rows: list[Expression] = []
            for place in range(len(places)):
                enter = self._scattered if transposed else self._gathered
                tap, row = enter(loops, place, places[place])
                taps.append(tap)
                rows.append(row)
            if seldom:
                channel = loops.enter_context(kernel.nest.loop(channels))
            own = plus(times(group, channels.expression), channel)
            if transposed:
                within = modulo(filter_, filters.expression) if grouped else filter_
                weight = self.read_weight([own, within, *taps])
            else:
                weight = self.read_weight([filter_, channel, *taps])
            kernel.nest.emit(Assign(total, "+=", Binary("*", self.read_input([batch, own, *rows]), weight)))
        return _finished(kernel, node, total, inner)

    def _seldom_meets(self, place: int) -> bool:
        """Whether a tap of a transposed convolution has to be tried to know whether it meets a row."""
        return self.stride[place] > 1 and self.dilation[place] > 1

    def _bias(self, filter_: Expression) -> Expression | None:
        if self.node.arguments["bias"] is None:
            return None
        return self.kernel.load(self.node.ref("bias"), [filter_])

    def _gathered(self, loops: ExitStack, place: int, index: Expression) -> tuple[Expression, Expression]:
        """The loop over one dimension of the window: its variable, and the row of the input that it meets."""
        nest, length = self.kernel.nest, self.input.shape[2 + place]
        stride, padding, dilation = self.stride[place], self.padding[place], self.dilation[place]
        tap = loops.enter_context(nest.loop(self.taps[place]))
        row = plus(times(index, number(stride)), times(tap, number(dilation)))
        if not padding:
            return tap, row
        row = nest.local("const int64_t", "row" if place == 0 else "column", minus(row, number(padding)))
        loops.enter_context(nest.condition(inside(row, length)))
        return tap, row

    def _scattered(self, loops: ExitStack, place: int, index: Expression) -> tuple[Expression, Expression]:
        """The same of a transposed convolution: the row of the input from which this tap reaches this place."""
        nest, length = self.kernel.nest, self.input.shape[2 + place]
        stride, padding, dilation = self.stride[place], self.padding[place], self.dilation[place]
        if stride > 1 and dilation == 1:
            if index in nest.axes:
                raise NeedsPhases(self.kernel.filling, nest.axes[index], stride)
            split = nest.splits.get(index)
            if split is not None and split.stride == stride:
                return self._in_phase(loops, place, split)
        wish = "row" if place == 0 else "column"
        end = plus(index, number(padding))
        if stride > 1 and dilation == 1:  # every stride-th tap meets a row; the others are left out
            tap = loops.enter_context(nest.loop(self.taps[place], modulo(end, number(stride)), number(stride)))
            away = nest.local("const int64_t", "reach", minus(end, tap))
            loops.enter_context(nest.condition(Binary(">=", away, ZERO)))
        else:
            tap = loops.enter_context(nest.loop(self.taps[place]))
            away = nest.local("const int64_t", "reach", minus(end, times(tap, number(dilation))))
            if stride == 1:
                loops.enter_context(nest.condition(inside(away, length)))
                return tap, away
            meets = Binary("==", modulo(away, number(stride)), ZERO)
            loops.enter_context(nest.condition(Binary("&&", Binary(">=", away, ZERO), meets)))
        row = nest.local("const int64_t", wish, over(away, number(stride)))
        loops.enter_context(nest.condition(Binary("<", row, length.expression)))
        return tap, row

    def _in_phase(self, loops: ExitStack, place: int, split: Split) -> tuple[Expression, Expression]:
        """The same where the place is one of a phase: every stride-th tap meets it, each a row before the last."""
        nest, stride = self.kernel.nest, number(split.stride)
        reach = plus(split.phase, number(self.padding[place]))
        first = modulo(reach, stride)
        taps = over(minus(plus(self.taps[place].expression, number(split.stride - 1)), first), stride)
        turn = loops.enter_context(nest.loop(taps))
        row = minus(plus(split.inner, over(reach, stride)), turn)
        row = nest.local("const int64_t", "row" if place == 0 else "column", row)
        loops.enter_context(nest.condition(inside(row, self.input.shape[2 + place])))
        return plus(first, times(turn, stride)), row


def inside(row: Expression, length: Whole) -> Expression:
    """Whether a row lies in a tensor."""
    return Binary("&&", Binary(">=", row, ZERO), Binary("<", row, length.expression))


def _convolution(kernel: Scope, node: Node, indices: Indices) -> Expression:
    return _Convolution(kernel, node).element(indices)


OPERATORS: dict[str, Operator] = {
    "mm": Operator(_mm, loops=True),
    "bmm": Operator(_mm, loops=True),
    "addmm": Operator(_addmm, loops=True),
    "baddbmm": Operator(_addmm, loops=True),
    "convolution": Operator(_convolution, loops=True),
}
