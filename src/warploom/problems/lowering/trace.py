"""``python -m warploom.problems.lowering.trace PROBLEM_FILE``: its reference as graphs of ATen operators.

One graph for every shape that is judged, by ``torch.export`` and the decompositions to core ATen operators (PyTorch's
documentation, "IRs": https://docs.pytorch.org/docs/stable/torch.compiler_ir.html), with some more of PyTorch's own
decompositions so that norms and softmaxes become the sums they are made of. The shapes are traced one by one rather
than as symbols: an imported reference is built anew for every one of them, and length 1 is a shape like any other.

Run in a process of its own, because it runs the reference. Prints one JSON list; whatever the reference prints goes to
standard error; or an object whose ``wrong`` says what mistake the reference makes. Exit status 2 and one line, the last
on standard error, when it cannot be traced.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.export import ExportedProgram, export
from torch.export.graph_signature import ConstantArgument, OutputKind

from warploom.errors import ProblemError, WrongReference
from warploom.problems.importers.foreign import Foreign
from warploom.problems.native import execute
from warploom.problems.returned import as_tuple, check_returned, guarded
from warploom.values.problem import Problem
from warploom.values.shape import extent, extents

MOST_SHAPES = 6
MOST_CONSTANTS = 4096
"""Numbers of a constant tensor that are written into the source."""

aten = torch.ops.aten

COMPOSITES = (
    aten._softmax,
    aten._log_softmax,
    aten.native_layer_norm,
    aten.native_batch_norm,
    aten._native_batch_norm_legit,
    aten._native_batch_norm_legit.no_stats,
    aten._native_batch_norm_legit_functional,
    aten._native_batch_norm_legit_no_training,
    aten.nll_loss_forward,
    aten.addmv,
    aten.native_dropout,
    aten.diag_embed,
    aten.linalg_vector_norm,
    aten.logsumexp,
)
"""Operators that core ATen keeps whole, and that loops are better made of the parts of."""


class Wrong:
    """Keeps what is wrong with the outputs while they are traced: an exception there would be torch.export's."""

    def __init__(self) -> None:
        self._found: list[WrongReference] = []

    def check(self, problem: Problem, axes: Mapping[str, int], outputs: Sequence[Any]) -> None:
        """Hold outputs against what the problem declares."""
        try:
            check_returned(outputs, problem, axes)
        except WrongReference as error:
            self._found.append(error)

    def tell(self) -> None:
        """Raise the first mistake that was found, if there is one."""
        if self._found:
            raise self._found[0]


class Traced(torch.nn.Module):
    """The reference as a module: what it holds itself is then known to ``torch.export``."""

    def __init__(self, problem: Problem, axes: Mapping[str, int], shapes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.wrong = Wrong()
        self._check = partial(self.wrong.check, problem, axes)
        self._reference: Any = problem.reference
        if isinstance(self._reference, Foreign):
            module = self._reference.instance(tuple(shapes)).module
            if module is not None:
                self.inner = module
        self.training = hasattr(self, "inner") and self.inner.training

    def forward(self, *tensors: torch.Tensor) -> Any:
        """The outputs of the reference, always as a tuple."""
        result = as_tuple(self._reference(*tensors))
        self._check(result)
        return result


def traces(problem: Problem) -> list[dict[str, Any]]:
    """The graph at every shape, the first timed one first; as many as can be traced, the first for certain."""
    found: list[dict[str, Any]] = []
    shapes: list[Mapping[str, int]] = []
    for workload in (*problem.workloads, *problem.held_out):
        if workload.extents not in shapes:
            shapes.append(workload.extents)
    for axes in shapes[:MOST_SHAPES]:
        try:
            found.append(_trace(problem, axes))
        except WrongReference:
            raise
        except Exception:  # foreign code; its failure is told at the shape that is timed
            if not found:
                raise
    return found


def _trace(problem: Problem, axes: Mapping[str, int]) -> dict[str, Any]:
    shapes = [extents(tensor.shape, axes) for tensor in problem.inputs.values()]
    reference: Any = problem.reference
    module = Traced(problem, axes, shapes)
    tensors = tuple(
        torch.empty(shape, dtype=getattr(torch, tensor.dtype))
        for shape, tensor in zip(shapes, problem.inputs.values(), strict=True)
    )
    with torch.no_grad():
        try:
            exported = export(module, tensors, strict=False)
        except Exception:
            module.wrong.tell()
            guarded(reference, problem)(*_plain(problem, axes))
            raise
        module.wrong.tell()
        table = torch.export.default_decompositions()
        for operator, decomposition in get_decompositions(COMPOSITES).items():
            table[operator] = decomposition
        exported = exported.run_decompositions(table)
    return {"axes": dict(axes), **_written(exported)}


def _plain(problem: Problem, axes: Mapping[str, int]) -> list[torch.Tensor]:
    """Inputs that no reference should mind."""
    found = []
    for one in problem.inputs.values():
        shape, dtype = extents(one.shape, axes), getattr(torch, one.dtype)
        least = extent(str(one.low or 0), axes)
        found.append(
            torch.rand(shape, dtype=dtype) if dtype.is_floating_point else torch.full(shape, least, dtype=dtype)
        )
    return found


def _written(exported: ExportedProgram) -> dict[str, Any]:
    """Nodes, inputs, outputs and constants as plain JSON values."""
    signature = exported.graph_signature
    held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    constants: dict[str, Any] = {}
    for name, target in held.items():
        constants[name] = exported.state_dict.get(target, exported.constants.get(target))
    for name, target in signature.inputs_to_lifted_tensor_constants.items():
        constants[name] = exported.constants[target]
    given = {node.name: node for node in exported.graph.nodes if node.op == "placeholder"}
    inputs = [{"name": str(name), **_tensor(given[str(name)].meta["val"])} for name in signature.user_inputs]
    outputs: list[Any] = []
    for spec in signature.output_specs:
        if spec.kind == OutputKind.USER_OUTPUT:
            constant = isinstance(spec.arg, ConstantArgument)
            outputs.append({"value": spec.arg.value} if constant else {"node": spec.arg.name})
    needed = _needed(exported, {one["node"] for one in outputs if "node" in one})
    nodes = [_node(node) for node in exported.graph.nodes if node.op == "call_function" and node.name in needed]
    return {
        "nodes": nodes,
        "inputs": inputs,
        "outputs": outputs,
        "constants": {
            name: _constant(tensor) for name, tensor in constants.items() if tensor is not None and name in needed
        },
    }


def _needed(exported: ExportedProgram, wanted: set[str]) -> set[str]:
    """The nodes that the results follow from; a training step also moves statistics that nobody asks for."""
    found = set(wanted)
    for node in reversed(list(exported.graph.nodes)):
        if node.name in found:
            found |= {one.name for one in node.all_input_nodes}
    return found


def _node(node: torch.fx.Node) -> dict[str, Any]:
    target: Any = node.target
    if hasattr(target, "_schema"):
        operator, listed = str(target), [one.name for one in target._schema.arguments]
        values = {one.name: one.default_value for one in target._schema.arguments if one.has_default_value()}
        values |= dict(zip(listed, node.args, strict=False)) | dict(node.kwargs)
    else:  # getitem
        operator, values = "getitem", dict(zip(("self", "index"), node.args, strict=True))
    results = node.meta.get("val")
    several = results if isinstance(results, tuple | list) else (results,)
    return {
        "name": node.name,
        "operator": operator,
        "arguments": {name: _argument(value) for name, value in values.items()},
        "results": [_tensor(one) if isinstance(one, torch.Tensor) else None for one in several],
    }


def _tensor(tensor: torch.Tensor) -> dict[str, Any]:
    return {"shape": [int(length) for length in tensor.shape], "dtype": str(tensor.dtype).removeprefix("torch.")}


def _argument(value: Any) -> Any:
    if isinstance(value, torch.fx.Node):
        return {"node": value.name}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, list | tuple):
        return [_argument(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value if isinstance(value, bool | int | float | str) or value is None else None


def _constant(tensor: torch.Tensor) -> dict[str, Any]:
    values = tensor.detach()
    small = values.numel() <= MOST_CONSTANTS and values.device.type == "cpu"
    return {**_tensor(values), "values": [_argument(one) for one in values.reshape(-1).tolist()] if small else None}


def _explain(path: str, error: Exception) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, ProblemError):
        return said
    return f"{path}: torch.export cannot trace the reference: {type(error).__name__}: {said[:400]}"


def main(arguments: list[str]) -> int:
    """Print the graphs of the problem file that is named."""
    answer = os.dup(1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    try:
        found: Any = traces(execute(Path(arguments[0])))
    except WrongReference as error:
        found = {"wrong": str(error)}
    except Exception as error:  # noqa: BLE001 - foreign code
        sys.stdout.flush()
        sys.stderr.write(f"\n{_explain(arguments[0], error)}\n")
        return 2
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        json.dump(found, stream)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # whatever threads the reference left behind
