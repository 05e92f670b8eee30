"""What a lowered kernel looks like, from traces that are written out here: no PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

from warploom.errors import ProblemError
from warploom.problems.lowering.lower import written
from warploom.syntax import evolve_block
from warploom.syntax.cpp.parse import parse
from warploom.values.problem import Problem, Reference, Tensor, Workload

SHAPES = ((6, 10), (3, 7), (5, 9))


def ref(name: str) -> dict[str, str]:
    return {"node": name}


class Script:
    """A trace being written, at one shape."""

    def __init__(self, **inputs: list[int]) -> None:
        self.inputs = [{"name": name, "shape": shape, "dtype": "float32"} for name, shape in inputs.items()]
        self.nodes: list[dict[str, Any]] = []

    def add(self, name: str, operator: str, shape: list[int], kind: str = "float32", /, **arguments: Any) -> Script:
        results = [{"shape": shape, "dtype": kind}]
        self.nodes.append({"name": name, "operator": operator, "arguments": arguments, "results": results})
        return self

    def trace(self, axes: dict[str, int], *outputs: str) -> dict[str, Any]:
        listed = [{"node": name} for name in outputs]
        return {"axes": axes, "inputs": self.inputs, "nodes": self.nodes, "outputs": listed, "constants": {}}


def problem(outputs: dict[str, Tensor], recipe: str = "normal", **inputs: str) -> Problem:
    workloads = [Workload(rows=rows, cols=cols, recipe=recipe) for rows, cols in SHAPES]
    tensors = {name: Tensor(shape) for name, shape in inputs.items()}
    place = Reference("problem.py", "reference", "")
    return Problem("kernel", ("rows", "cols"), tensors, outputs, place, workloads[:1], workloads[1:])


def softmax(rows: int, cols: int) -> dict[str, Any]:
    script = Script(x=[rows, cols])
    script.add("most", "aten.amax.default", [rows, 1], self=ref("x"), dim=[-1], keepdim=True)
    script.add("less", "aten.sub.Tensor", [rows, cols], self=ref("x"), other=ref("most"), alpha=1)
    script.add("exp", "aten.exp.default", [rows, cols], self=ref("less"))
    script.add("sum", "aten.sum.dim_IntList", [rows, 1], self=ref("exp"), dim=[-1], keepdim=True, dtype=None)
    script.add("div", "aten.div.Tensor", [rows, cols], self=ref("exp"), other=ref("sum"))
    return script.trace({"rows": rows, "cols": cols}, "div")


def lowered(asked: Problem, make: Any) -> str:
    return written(asked, [make(*shape) for shape in SHAPES])


def block(source: str) -> str:
    return evolve_block.split(source)[1]


def test_a_norm_stands_in_the_loop_over_its_rows_and_needs_no_memory() -> None:
    source = lowered(problem({"out": Tensor("rows cols")}, x="rows cols"), softmax)
    (function,) = parse(block(source)).functions
    assert "malloc" not in source
    assert source.count("for (") == 4
    assert [parameter.name for parameter in function.parameters] == ["x", "out", "rows", "cols"]
    assert "for (int64_t i = 0; i < rows; ++i)" in source


def test_a_nan_is_a_maximum_where_special_values_are_drawn() -> None:
    plain = lowered(problem({"out": Tensor("rows cols")}, x="rows cols"), softmax)
    special = lowered(problem({"out": Tensor("rows cols")}, recipe="special", x="rows cols"), softmax)
    assert "std::max(largest" in plain
    assert "std::max(largest" not in special


def chain(rows: int, cols: int) -> dict[str, Any]:
    script = Script(x=[rows, cols], bias=[cols])
    script.add("scaled", "aten.mul.Tensor", [rows, cols], self=ref("x"), other=cols)
    script.add("tanh", "aten.tanh.default", [rows, cols], self=ref("scaled"))
    script.add("add", "aten.add.Tensor", [rows, cols], self=ref("tanh"), other=ref("x"), alpha=1)
    return script.trace({"rows": rows, "cols": cols}, "add")


def test_a_pointwise_chain_is_one_flat_loop_and_its_numbers_follow_the_axes() -> None:
    source = lowered(problem({"out": Tensor("rows cols")}, x="rows cols", bias="cols"), chain)
    assert source.count("for (") == 1
    assert "i < rows * cols" in source
    assert "out[i] = std::tanh(x[i] * (float)cols) + x[i];" in source


def twice(rows: int, cols: int) -> dict[str, Any]:
    script = Script(x=[rows, cols], w=[cols, 4])
    script.add("mm", "aten.mm.default", [rows, 4], self=ref("x"), mat2=ref("w"))
    script.add("exp", "aten.exp.default", [rows, 4], self=ref("mm"))
    script.add("sum", "aten.sum.dim_IntList", [4], self=ref("exp"), dim=[0], keepdim=False, dtype=None)
    script.add("div", "aten.div.Tensor", [rows, 4], self=ref("exp"), other=ref("sum"))
    return script.trace({"rows": rows, "cols": cols}, "div")


def test_what_takes_a_loop_and_is_wanted_twice_is_kept() -> None:
    source = lowered(problem({"out": Tensor("rows 4")}, x="rows cols", w="cols 4"), twice)
    assert source.count("std::malloc") == source.count("std::free") == 1
    assert source.count("+= x[") == 1  # one product, not one a use
    assert "float sum2[4]" in source  # few elements, and always as many: no need to allocate


def many(rows: int, cols: int) -> dict[str, Any]:
    script = Script(x=[rows, 100 * cols])
    script.add("sum", "aten.sum.dim_IntList", [rows], self=ref("x"), dim=[1], keepdim=False, dtype=None)
    script.add("short", "aten.sum.dim_IntList", [100 * cols], self=ref("x"), dim=[0], keepdim=False, dtype=None)
    return script.trace({"rows": rows, "cols": cols}, "sum", "short")


def test_a_long_sum_is_kept_in_double_and_a_short_one_is_not() -> None:
    outputs = {"out": Tensor("rows"), "short": Tensor("100*cols")}
    source = lowered(problem(outputs, x="rows 100*cols"), many)
    assert source.count("double total") == 1
    assert source.count("float sum") == 2  # what the double becomes, and the short one


def test_a_missing_operator_is_named() -> None:
    def sort(rows: int, cols: int) -> dict[str, Any]:
        script = Script(x=[rows, cols]).add("sort", "aten.sort.stable", [rows, cols], self=ref("x"))
        return script.trace({"rows": rows, "cols": cols}, "sort")

    with pytest.raises(ProblemError, match=r"^kernel: the operator aten\.sort\.stable cannot be lowered"):
        lowered(problem({"out": Tensor("rows cols")}, x="rows cols"), sort)


def test_a_type_that_cannot_be_lowered_is_named() -> None:
    def half(rows: int, cols: int) -> dict[str, Any]:
        script = Script(x=[rows, cols]).add("exp", "aten.exp.default", [rows, cols], "float16", self=ref("x"))
        return script.trace({"rows": rows, "cols": cols}, "exp")

    with pytest.raises(ProblemError, match="float16 cannot be lowered"):
        lowered(problem({"out": Tensor("rows cols", "float16")}, x="rows cols"), half)


def test_a_shape_that_is_traced_another_way_follows_the_timed_one() -> None:
    traces = [chain(*shape) for shape in SHAPES]
    traces[2]["nodes"].append(dict(traces[2]["nodes"][-1], name="more"))
    source = written(problem({"out": Tensor("rows cols")}, x="rows cols", bias="cols"), traces)
    assert "i < rows * cols" in source


def transposed(stride: int, dilation: int) -> str:
    """The kernel of a transposed convolution in one dimension, with a padding of one."""
    length = 2 * dilation - 1 - stride

    def convolution(rows: int, cols: int) -> dict[str, Any]:
        script = Script(x=[rows, 4, cols], w=[4, 5, 3])
        script.add(
            "convolution", "aten.convolution.default", [rows, 5, stride * cols + length],
            input=ref("x"), weight=ref("w"), bias=None, stride=[stride], padding=[1], dilation=[dilation],
            transposed=True, output_padding=[0], groups=1,
        )  # fmt: skip
        return script.trace({"rows": rows, "cols": cols}, "convolution")

    out = Tensor(f"rows 5 {stride}*cols+{length}" if length >= 0 else f"rows 5 {stride}*cols-{-length}")
    return block(lowered(problem({"out": out}, x="rows 4 cols", w="4 5 3"), convolution))


def test_which_taps_of_a_dilated_transposed_convolution_meet_a_row_is_not_asked_for_every_channel() -> None:
    """A plain kernel that asks 32 times as often as it computes does not come to its end in time."""
    source = transposed(2, 2)
    assert source.index("% 2 == 0") < source.index("< 4; ")


def test_a_strided_transposed_convolution_goes_through_its_places_in_phases() -> None:
    """In one phase all places meet the same taps, and neighbours meet neighbouring columns: a plain convolution."""
    source = transposed(2, 1)
    loops = [line.strip() for line in source.splitlines() if "for (" in line]
    assert [line[line.index("; ") + 2 : line.rindex(";")] for line in loops] == [
        "i < rows", "j < 2", "k < 5", "l < (length + 1 - j) / 2", "m < 4", "n < (4 - (j + 1) % 2) / 2",
    ]  # fmt: skip
    assert "row = l + (j + 1) / 2 - n;" in source
    assert "[(m * 5 + k) * 3 + (j + 1) % 2 + n * 2]" in source
    assert "out[(i * 5 + k) * length + l * 2 + j]" in source


def test_without_a_stride_there_are_no_phases() -> None:
    source = transposed(1, 1)
    assert source.count("for (") == 5
    assert "%" not in source
