"""What a problem's reference does, found by having it called in the reference process; and its kind, from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ReferenceFailed
from warploom.judge.content.layout import input_layout
from warploom.judge.correctness.oracle import fill
from warploom.judge.reference.process import ReferenceProcess
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import Problem
from warploom.values.shape import extents
from warploom.values.work import Work

SEED = 1
"""Of the inputs: what is counted does not depend on them."""

_PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "einsum", "mv", "addmv", "dot", "_int_mm", "bilinear"}
_SCANS = {"cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "associative_scan"}
_NORMS = {"normalize", "batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"}
_NORMS |= {"native_batch_norm", "_native_batch_norm_legit", "native_layer_norm", "native_group_norm"}
_SUMS = {"sum", "mean", "linalg_vector_norm", "norm", "var", "std", "var_mean", "std_mean"}
_REDUCTIONS = _SUMS | {"amax", "amin", "max", "min", "argmax", "argmin", "prod", "aminmax", "logsumexp", "any", "all"}
_REDUCTIONS |= {
    "softmax",
    "log_softmax",
    "softmin",
    "_softmax",
    "_log_softmax",
    "median",
    "topk",
    "sort",
    "count_nonzero",
}
_SOFTMAX = {"softmax", "_softmax"}
_DIVISIONS = {"div", "div_", "true_divide", "rsqrt", "reciprocal"}


def count_work(problem: Problem, cache: Path) -> Work:
    """Have the reference called once on every timed workload, and say what it did.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: as for :class:`warploom.judge.evaluate.LocalJudge`.

    Raises:
        ReferenceFailed: the reference cannot be called, or what it did cannot be told.
    """
    operations: dict[str, int] = {}
    products: dict[str, int] = {}
    first: Mapping[str, Any] = {}
    with ReferenceProcess(problem, cache) as reference:
        for workload in problem.workloads:
            layout = input_layout(problem, workload)
            inputs = SharedBuffer(layout.size_bytes)
            try:
                fill(inputs, layout, problem, workload, SEED, reference)
                found = reference.trace(workload, inputs, [region.offset for region in layout.regions])
                reference.forget([inputs])
            finally:
                inputs.close()
            try:
                operations[str(workload)] = int(found["operations"])
                products[str(workload)] = int(found["products"])
                first = first or {**found, "operators": list(map(str, found["operators"]))}
            except (LookupError, TypeError, ValueError):
                raise ReferenceFailed(f"the reference process gave no answer to a trace: {str(found)[:80]}") from None
    kind = kind_of(problem, first.get("functions", ()), first["operators"], bool(first.get("pointwise")))
    return Work(kind, tuple(dict.fromkeys(first["operators"])), operations, products)


def kind_of(problem: Problem, functions: Sequence[str], operators: Sequence[str], pointwise: bool) -> str:
    """The kind of a problem, see :data:`warploom.values.work.KINDS`.

    Args:
        problem: whose tensors tell a loss from a sum, and a norm from an average.
        functions: as the program called them, in order.
        operators: as PyTorch ran them, in order.
        pointwise: whether everything was computed element by element.
    """
    names = {*functions, *operators}
    if _attends(names, operators):
        return "attention"
    if any(name.startswith("conv") or name in ("convolution", "_convolution") for name in names):
        return "conv"
    if names & _PRODUCTS:
        return "gemm"
    if any(name.endswith("_loss") for name in names) or names & {"kl_div", "cross_entropy"} or _one_number(problem):
        return "loss"
    if names & _SCANS:
        return "scan"
    if any("pool" in name for name in names):
        return "pooling"
    if names & _NORMS or _normalises(problem, names):
        return "norm"
    if names & _REDUCTIONS:
        return "reduction"
    return "pointwise" if pointwise and operators else "other"


def _attends(names: set[str], operators: Sequence[str]) -> bool:
    """Attention by its name, or as batched products before and behind a softmax."""
    if any("dot_product_attention" in name or name == "multi_head_attention_forward" for name in names):
        return True
    batched = [place for place, name in enumerate(operators) if name in ("bmm", "baddbmm")]
    softmaxes = [place for place, name in enumerate(operators) if name in _SOFTMAX]
    return any(batched[0] < place < batched[-1] for place in softmaxes) if batched else False


def _one_number(problem: Problem) -> bool:
    """Whether two tensors or more become one number: how far a prediction is from what was wanted."""
    axes = problem.workloads[0].extents
    lengths = [length for tensor in problem.outputs.values() for length in extents(tensor.shape, axes)]
    return len(problem.inputs) > 1 and len(problem.outputs) == 1 and all(length == 1 for length in lengths)


def _normalises(problem: Problem, names: set[str]) -> bool:
    """Whether an input comes back in its own shape, divided by what was summed over it; a softmax is none."""
    if not names & _SUMS or not names & _DIVISIONS or names & {"exp", *_SOFTMAX, "_log_softmax"}:
        return False
    axes = problem.workloads[0].extents
    shapes = [extents(tensor.shape, axes) for tensor in problem.inputs.values()]
    return any(extents(tensor.shape, axes) in shapes for tensor in problem.outputs.values())
