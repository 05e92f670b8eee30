"""What is to be computed, on which shapes, how exactly, and how a kernel is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warploom.propose.writing.formula import formula
from warploom.propose.writing.material import Material
from warploom.propose.writing.tongue import tongue_of
from warploom.syntax import evolve_block
from warploom.toolchain.cpp import DEFAULT_FLAGS
from warploom.toolchain.cpp_headers import signature_header
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.opencl import OpenClToolchain
from warploom.toolchain.triton import OPTIONS
from warploom.values.peaks import traffic
from warploom.values.problem import ONLY, Problem, Reference, Tensor, Workload
from warploom.values.shape import extent
from warploom.values.signature import Signature, signature
from warploom.values.target import parse_target

RECIPES: dict[str, str] = {
    "normal": "",
    "wide": "values over many magnitudes",
    "offset": "values with a large mean",
    "below": "values far below zero",
    "spikes": "a few values far larger than the rest",
    "ties": "many equal values",
    "tiny": "very small values",
    "large": "very large values",
    "special": "NaN and infinities among the values",
    "zeros": "many zeros",
    "own": "values as the problem's own generator draws them",
}
"""How inputs are drawn, in words; see :data:`warploom.values.problem.RECIPES`."""

HALVES: frozenset[str] = frozenset({"float16", "bfloat16"})
"""Types of outputs for which sums are to be kept in float32."""


def problem_facts(material: Material) -> dict[str, Any]:
    """Title, formula, tensors, timed shapes and tolerance. What is held out stays held out."""
    problem = material.problem
    reference = problem.reference
    return {
        "name": problem.name,
        "title": problem.title,
        "formula": formula(reference) if isinstance(reference, Reference) else "",
        "tensors": [
            *(_tensor(name, "input", tensor) for name, tensor in problem.inputs.items()),
            *(_tensor(name, "output", tensor) for name, tensor in problem.outputs.items()),
        ],
        "workloads": [_workload(material, workload) for workload in problem.workloads],
        "tolerance": tolerance_words(problem),
        "halves": any(tensor.dtype in HALVES for tensor in problem.outputs.values()),
    }


def convention_facts(material: Material) -> dict[str, Any]:
    """What has to be defined and how it is called, the files, the borders of the evolve block, the compiler's flags."""
    base, own = material.base, signature(material.problem)
    before, _, after = evolve_block.split(base.source)
    return {
        "header": declaration(base.language, own),
        "arguments": [argument.name for argument in own.arguments],
        "axes": list(material.problem.axes),
        "grid": _example_grid(material.problem.axes),
        "types": {argument.dtype for argument in own.tensors},
        "language": base.language,
        "fence": tongue_of(base.language).fence,
        "options": OPTIONS,
        "entry_point": base.entry_point,
        "file": base.sources[0][0],
        "bounded": bool(before or after),
        "flags": " ".join((*(DEFAULT_FLAGS if base.language == "cpp" else ()), *base.build_flags)),
        "toolchain": str(material.environment.get("toolchain", "")),
    }


def declaration(language: str, own: Signature) -> str:
    """The entry point as its language writes it; of C++ the header that is put before it."""
    if language in GPU_TOOLCHAINS:
        return GPU_TOOLCHAINS[language](parse_target(language).architectures).declaration(own)
    return OpenClToolchain().declaration(own) if language == "opencl" else signature_header(own)


def _example_grid(axes: Sequence[str]) -> str:
    """Blocks along the last axis, and one of them for each place of the first where there is another one."""
    blocks = f"({axes[-1]} + BLOCK - 1) // BLOCK" if axes else "1"
    return f"({blocks}, {axes[0]})" if len(axes) > 1 else blocks


def tolerance_words(problem: Problem) -> str:
    """How exact a result must be, in words."""
    tolerance = problem.tolerance
    words = (
        f"every element within {tolerance.factor:g} times the rounding error of the PyTorch reference itself in the "
        "problem's dtype, measured against float64"
    )
    if tolerance.absolute:
        words += f", plus {tolerance.absolute:g}"
    if tolerance.relative:
        words += f", plus {tolerance.relative:g} of the element's magnitude"
    return words


def _tensor(name: str, role: str, tensor: Tensor) -> dict[str, str]:
    notes = [f"{word} {bound}" for word, bound in (("from", tensor.low), ("below", tensor.high)) if bound is not None]
    if tensor.positive:
        notes.append("not negative")
    shape = ", ".join(tensor.shape.split())
    return {"name": name, "role": role, "dtype": tensor.dtype, "shape": f"[{shape}]", "notes": ", ".join(notes)}


def _workload(material: Material, workload: Workload) -> dict[str, Any]:
    problem = material.problem
    return {
        "shape": ", ".join(f"{name}={length}" for name, length in workload.axes) or ONLY,
        "drawn": RECIPES[workload.recipe],
        "mebibytes": traffic(problem, workload, material.environment) / 2**20,
        "operations": extent(problem.operations, workload.extents) / 1e9 if problem.operations else None,
    }
