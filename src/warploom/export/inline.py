"""A kernel as one Python text: its source, compiled at its first use by PyTorch's ``load_inline``, behind a guard.

For formats in which a submission is a single file. The guard is that of :mod:`warploom.export.runtime.guard`: a call
that was not verified and measured gets no answer here, and takes the reference.
"""

from __future__ import annotations

import json
import pprint

from warploom.errors import ConfigError
from warploom.export.gather import Operator, Row, Variant, input_shapes, output_shapes
from warploom.export.manifest import looked_at
from warploom.export.naming import Naming
from warploom.search.best.evidence import FILE as EVIDENCE
from warploom.toolchain.cpp import DEFAULT_FLAGS
from warploom.values.signature import C_TYPES, signature

FROM_FILE = 'Path(__file__).with_name("kernel.cpp").read_text()'
"""The source stands beside the text instead of in it."""

_TEXT = '''
import functools
import re
from pathlib import Path

import torch
from torch.utils.cpp_extension import load_inline

WARPLOOM_SOURCE = @source@

WARPLOOM_BINDING = @binding@

WARPLOOM_FLAGS = @flags@
WARPLOOM_INPUTS = [@inputs@]
WARPLOOM_OUTPUTS = [@outputs@]
WARPLOOM_TABLE = @table@
"""Shapes of the inputs → lengths of the axes, shapes of the outputs, and what integers lie between."""


@functools.cache
def warploom_build():
    """The kernel, linked against the OpenMP library that PyTorch has loaded: a second one would fight for the cores."""
    maps = Path("/proc/self/maps")
    loaded = re.findall(r"/\\S*/lib(?:gomp|iomp5|omp)\\b\\S*\\.so\\S*", maps.read_text()) if maps.exists() else []
    return load_inline(
        name="@name@",
        cpp_sources=[WARPLOOM_SOURCE + WARPLOOM_BINDING],
        functions=["warploom_call"],
        extra_cflags=WARPLOOM_FLAGS,
        extra_ldflags=[loaded[0] if loaded else "-fopenmp"],
    )


def warploom_kernel(*inputs):
    """The outputs, in order; None where this is no call that the kernel was verified and measured for."""
    row = WARPLOOM_TABLE.get(tuple(tuple(one.shape) for one in inputs))
    if row is None:
        return None
    axes, shapes, ranges = row
    ready = []
    for one, dtype, allowed in zip(inputs, WARPLOOM_INPUTS, ranges):
        if one.device.type != "cpu" or one.dtype != dtype:
            return None
        if allowed is not None and not (allowed[0] <= int(one.min()) and int(one.max()) <= allowed[1]):
            return None
        one = one.detach().contiguous()
        ready.append(one.clone() if one.data_ptr() % 64 else one)
    outputs = [torch.empty(shape, dtype=dtype) for shape, dtype in zip(shapes, WARPLOOM_OUTPUTS)]
    warploom_build().warploom_call([*ready, *outputs], list(axes))
    return outputs
'''


def only_variant(operator: Operator, format: str) -> Variant:
    """The operator's kernel.

    Args:
        operator: what is exported.
        format: for messages.

    Raises:
        ConfigError: there are several, or one that is not a single file of C++.
    """
    if len(operator.variants) != 1:
        raise ConfigError(f"--format {format} takes one kernel, because all of its shapes run one; give one RUN")
    candidate = operator.variants[0].evidence.candidate
    if candidate.language != "cpp" or len(candidate.sources) != 1:
        raise ConfigError(f"--format {format} takes a kernel in one file of C++; this one is in {candidate.language}")
    return operator.variants[0]


def evidence_file(variant: Variant) -> dict[str, str]:
    """The evidence, for ``warploom verify`` on the folder of an export."""
    return {EVIDENCE: json.dumps(variant.evidence.document, indent=1) + "\n"}


def inline(operator: Operator, names: Naming, source: str = "") -> str:
    """The text; it defines ``warploom_kernel(*inputs)``.

    Args:
        operator: what is exported; one variant.
        names: what everything is called.
        source: an expression for the kernel's source; "" writes the source in.
    """
    variant = operator.variants[0]
    problem, candidate = variant.problem, variant.evidence.candidate
    table = {
        tuple(map(tuple, input_shapes(problem, row.workload))): _line(row)  # in the order of the arguments
        for row in operator.table
    }
    flags = [flag for flag in (*DEFAULT_FLAGS, *candidate.build_flags) if not flag.startswith("-std=")]
    filled = _TEXT
    for mark, text in {
        "@binding@": quoted(binding(variant)),
        "@flags@": repr([*flags, "-w"]),
        "@inputs@": ", ".join(f"torch.{tensor.dtype}" for tensor in problem.inputs.values()),
        "@outputs@": ", ".join(f"torch.{tensor.dtype}" for tensor in problem.outputs.values()),
        "@table@": pprint.pformat(table, width=110),
        "@name@": f"{names.package}_{variant.id}",
        "@source@": source or quoted(candidate.source),
    }.items():
        filled = filled.replace(mark, text)
    return filled.lstrip("\n")


def binding(variant: Variant) -> str:
    """C++ that calls the kernel with tensors of PyTorch."""
    called = signature(variant.problem)
    words = []
    for number, one in enumerate(called.tensors):
        const = "const " if one.role == "input" else ""
        words.append(f"static_cast<{const}{C_TYPES[one.dtype]}*>(tensors[{number}].data_ptr())")
    words += [f"axes[{number}]" for number in range(len(called.arguments) - len(called.tensors))]
    inside = ",\n        ".join(words)
    return (
        f"\n{called.c_declaration()};\n\n"
        "void warploom_call(std::vector<torch::Tensor> tensors, std::vector<int64_t> axes) {\n"
        f"    {called.entry_point}(\n        {inside});\n"
        "}\n"
    )


def quoted(text: str) -> str:
    """A Python literal of this text, as readable as it can be."""
    plain = all(letter.isprintable() or letter in "\n\t" for letter in text)
    if not plain or "'''" in text or text.endswith(("'", "\\")):
        return repr(text)
    return f"r'''{text}'''"


def one_or_all(operator: Operator) -> str:
    """The expression for what a function with these outputs returns, where ``found`` is a list of them."""
    return "found[0]" if len(operator.problem.outputs) == 1 else "tuple(found)"


def _line(row: Row) -> tuple[object, ...]:
    problem = row.variant.problem
    axes = tuple(row.workload.extents[axis] for axis in problem.axes)
    ranges = tuple(None if low is None else (low, high) for low, high in looked_at(problem, row.workload))
    return axes, tuple(map(tuple, output_shapes(problem, row.workload))), ranges
