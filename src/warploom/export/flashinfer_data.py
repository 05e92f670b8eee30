"""A native problem in the words of FlashInfer-Bench: its definition, and inputs that its random draws cannot give."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from warploom.errors import ConfigError
from warploom.export.gather import Operator, Row
from warploom.export.naming import Naming
from warploom.judge.content.inputs import draw
from warploom.problems.importers.safetensors import DTYPES
from warploom.values.problem import Tensor
from warploom.values.shape import extent, extents

KNOWN = ("float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "bool")
SEED = 42
"""Of the tensors that are stored."""

MOST_STORED_BYTES = 64 << 20


def native_definition(operator: Operator, names: Naming) -> dict[str, Any]:
    """The definition. An axis is variable where an input has it and it varies, else constant.

    Raises:
        ConfigError: FlashInfer-Bench has no such type, or no such axis.
    """
    problem = operator.problem
    for name, tensor in (*problem.inputs.items(), *problem.outputs.items()):
        if tensor.dtype not in KNOWN:
            raise ConfigError(f"FlashInfer-Bench has no {tensor.dtype}, which {name} is; it has: {', '.join(KNOWN)}")
    rows = [row.workload.extents for row in operator.table]
    free = {word for tensor in problem.inputs.values() for word in tensor.shape.split() if word in problem.axes}
    axes: dict[str, dict[str, Any]] = {}

    def axis(word: str, name: str) -> str:
        lengths = {extent(word, row) for row in rows}
        if word in free:
            axes[word] = {"type": "var"}
            return word
        if len(lengths) > 1:
            raise ConfigError(
                f"{name} has the length {word}, which follows from other axes; FlashInfer-Bench can state it for one "
                "shape at a time alone"
            )
        (length,) = lengths
        stated = word if word in problem.axes else f"size_{length}"
        axes[stated] = {"type": "const", "value": length}
        return stated

    def tensors(stated: dict[str, Tensor]) -> dict[str, Any]:
        return {
            name: {"shape": [axis(word, name) for word in tensor.shape.split()], "dtype": tensor.dtype}
            for name, tensor in stated.items()
        }

    inputs = tensors(dict(zip(names.arguments, problem.inputs.values(), strict=True)))
    outputs = tensors(dict(problem.outputs))
    arguments = ", ".join(names.arguments)
    reference = f"{operator.reference.rstrip()}\n\n\ndef run({arguments}):\n    return reference({arguments})\n"
    return {
        "name": problem.name,
        "op_type": "warploom",
        "description": " ".join(problem.title.split()) or problem.name,
        "axes": axes,
        "inputs": inputs,
        "outputs": outputs,
        "reference": reference,
    }


def native_inputs(row: Row, definition: str, own: str, files: dict[str, str | bytes]) -> dict[str, Any]:
    """How each input of a workload is drawn; what ``random`` would draw wrongly is stored.

    Args:
        row: the workload.
        definition: its name.
        own: the workload's.
        files: where stored tensors are put, path → content.

    Raises:
        ConfigError: a tensor would have to be stored, and is too large for it.
    """
    problem = row.variant.problem
    rng = np.random.default_rng(SEED)
    found: dict[str, Any] = {}
    for name, tensor in problem.inputs.items():
        stated = tensor.low is not None or tensor.high is not None
        if not (tensor.positive or (stated and tensor.dtype != "bool")):
            found[name] = {"type": "random"}
            continue
        axes = row.workload.extents
        if tensor.size_bytes(axes) > MOST_STORED_BYTES:
            raise ConfigError(f"{name} is not drawn as FlashInfer-Bench draws, and too large to be stored")
        shape = extents(tensor.shape, axes)
        count = int(np.prod(shape, dtype=np.int64))
        values = draw(tensor, "normal", count, axes, rng)
        path = f"blob/workloads/{definition}/{own}_{name}.safetensors"
        files[path] = stored(name, tensor.dtype, list(shape), values.tobytes())
        found[name] = {"type": "safetensors", "path": path, "tensor_key": name}
    return found


def stored(key: str, dtype: str, shape: list[int], data: bytes) -> bytes:
    """A safetensors file with one tensor.

    Args:
        key: its name.
        dtype: of :data:`warploom.problems.importers.safetensors.DTYPES`.
        shape: lengths.
        data: dense values in C order, little-endian.
    """
    code = next(code for code, (name, _) in DTYPES.items() if name == dtype)
    header = json.dumps({key: {"dtype": code, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data
