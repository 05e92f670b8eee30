"""``manifest.json``: everything that an exported package knows of its operator, as data and not as code."""

from __future__ import annotations

from typing import Any

from warploom import __version__
from warploom.archive.encode import to_plain
from warploom.export.gather import Operator, Row, Variant, input_shapes, integer_ranges, output_shapes, shape_of
from warploom.export.naming import Naming
from warploom.search.best.evidence import ends
from warploom.toolchain.cpp import DEFAULT_FLAGS
from warploom.toolchain.cpp_headers import SIGNATURE_HEADER, signature_header
from warploom.values.plain_text import printable
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.signature import signature

FORMAT = 1
FILE = "manifest.json"
SYMMETRIC_BYTE = (-127, 127)
"""Quantised weights leave −128 out. Looking for it would cost as much as the kernel, and it is as safe as −127."""

_WHOLE: dict[str, tuple[int, int]] = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-(1 << 15), (1 << 15) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
}


def manifest(operator: Operator, names: Naming, namespace: str = "") -> dict[str, Any]:
    """The manifest as JSON values.

    Args:
        operator: what is exported.
        names: what everything is called.
        namespace: of ``torch.ops``; "" for the package's name.
    """
    problem = operator.problem
    return {
        "format": FORMAT,
        "warploom": __version__,
        "package": names.package,
        "namespace": namespace or names.package,
        "name": problem.name,
        "function": names.function,
        "title": printable(" ".join(problem.title.split()))[:200] or problem.name,
        "axes": list(problem.axes),
        "inputs": [
            {"name": name, "argument": argument, **_tensor(tensor)}
            for (name, tensor), argument in zip(problem.inputs.items(), names.arguments, strict=True)
        ],
        "outputs": [{"name": name, **_tensor(tensor)} for name, tensor in problem.outputs.items()],
        "tolerance": to_plain(problem.tolerance),
        "over": operator.over,
        "variants": {variant.id: _variant(variant) for variant in operator.variants},
        "table": [_row(row) for row in operator.table],
        "checked": [_shapes(problem, workload) for workload in held_out(operator)],
    }


def variant_files(variant: Variant) -> dict[str, str]:
    """The sources of a variant by name, parameters written in, with the header that states its signature."""
    return {
        **dict(variant.evidence.candidate.sources),
        SIGNATURE_HEADER: signature_header(signature(variant.problem)),
    }


def held_out(operator: Operator) -> list[Workload]:
    """The held-out shapes on which every variant was verified, each once."""
    common: dict[str, Workload] = {}
    for number, problem in enumerate(variant.problem for variant in operator.variants):
        found = {str(input_shapes(problem, one)): shape_of(problem, one) for one in problem.held_out}
        common = {key: one for key, one in found.items() if not number or key in common}
    return list(common.values())


def looked_at(problem: Problem, workload: Workload) -> list[tuple[int, int] | tuple[None, None]]:
    """The ranges that a call is checked for: integers that were drawn from less than their dtype holds.

    An index out of its range would make a kernel read what is not its own.
    """
    found: list[tuple[int, int] | tuple[None, None]] = []
    for tensor, drawn in zip(problem.inputs.values(), integer_ranges(problem, workload), strict=True):
        stated = tensor.low is not None or tensor.high is not None
        free = not stated or tensor.dtype == "bool" or drawn == _WHOLE.get(tensor.dtype) or drawn == SYMMETRIC_BYTE
        found.append((None, None) if free else drawn)
    return found


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "scale": tensor.scale, "positive": tensor.positive}


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "entry_point": variant.evidence.candidate.entry_point,
        "sources": [name for name, _ in variant.evidence.candidate.sources],
        "flags": [*DEFAULT_FLAGS, *variant.evidence.candidate.build_flags],
        "tensors": len(variant.problem.inputs) + len(variant.problem.outputs),
        "axes": len(variant.problem.axes),
    }


def _shapes(problem: Problem, workload: Workload) -> dict[str, Any]:
    return {
        "axes": {name: workload.extents[name] for name in problem.axes},
        "inputs": input_shapes(problem, workload),
        "outputs": output_shapes(problem, workload),
        "drawn": [list(one) for one in integer_ranges(problem, workload)],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        **_shapes(row.variant.problem, row.workload),
        "ranges": [list(one) for one in looked_at(row.variant.problem, row.workload)],
        "variant": row.variant.id,
        "speedup": {baseline: ends(value) for baseline, value in row.speedups.items()},
    }
