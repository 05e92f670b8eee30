"""The kernel that is to be changed: its source, its times, what holds it back, what the compiler made of it."""

from __future__ import annotations

import math
import re
from statistics import median
from typing import Any

from warploom.propose.writing import about_gpu
from warploom.propose.writing.material import Material
from warploom.propose.writing.stated import mapping, peaks
from warploom.propose.writing.tongue import tongue_of
from warploom.values.outcome import Passed, Timing
from warploom.values.peaks import compute_ns, memory_ns, traffic
from warploom.values.problem import ONLY, Workload
from warploom.values.speedup import speedup, workload_speedup

BASELINES: dict[str, str] = {"eager": "PyTorch eager", "compile": "torch.compile"}

COLD = (
    "before a timed call the inputs get new content and other processes run: of large inputs a part is in the last "
    "cache, nothing in the first"
)
GPU_COLD = "before a timed call the L2 cache is written over, so that all inputs come from memory; the launch counts"
"""What a timed call finds in the caches."""

UNEXPLAINED = (
    "neither bandwidth nor arithmetic explains its time: look for chains of dependent operations, data that is read "
    "more than once, strided access, and work that is repeated"
)

NEAR_ROOFLINE = 0.8
FAR_FROM_ROOFLINE = 0.5

VECTOR_SHARE = 0.2
"""Of the instructions: from so many on, loops that the compiler did not vectorise are those around explicit vectors."""

_THREADS = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+omp\b[^\n]*\b(parallel|teams)\b|std::thread", re.MULTILINE)

FACTS: dict[str, str] = {
    "vectorised_loops": "loops the compiler vectorised",
    "missed_loops": "loops it could not vectorise",
    "instructions": "instructions",
    "zmm_instructions": "with 512-bit registers",
    "ymm_instructions": "with 256-bit registers",
    "fma_instructions": "fused multiply-adds",
    "vector_spills": "vector registers spilled to the stack",
    "math_calls": "calls into the maths library",
    "gathers": "gathers",
}
"""Facts of a build that are worth telling, in words."""

OPENCL_FACTS: dict[str, str] = {
    "threads": "work-items of a work-group",
    "shared_bytes": "bytes of local memory of a work-group",
    "private_bytes": "bytes of private memory of a work-item",
} | FACTS
"""As :data:`FACTS`, of kernels in OpenCL."""


def parent_facts(material: Material) -> dict[str, Any]:
    """The source, its parameters, its speed in a line and where it came from."""
    base, lineage = material.base, material.lineage
    return {
        "id": base.id,
        "fence": tongue_of(base.language).fence,
        "sources": [{"name": name, "text": text} for name, text in base.sources],
        "parameters": [f"{name} = {value}" for name, value in base.parameters],
        "speedup": None if material.fitness is None else math.exp(material.fitness),
        "kind": list(material.resolution.words(material.cell)) if material.cell is not None else [],
        "steps": [str(step) for step in lineage.steps],
        "origin": " ".join(word for word in (lineage.proposer, lineage.operator, lineage.note) if word),
    }


def timings_facts(material: Material) -> dict[str, Any] | None:
    """Times a workload, and speedups over every baseline that was timed, with their 95 % intervals."""
    passed = material.passed
    if passed is None or not passed.timings:
        return None
    baselines = [name for name in BASELINES if any(timing.baseline == name for timing in passed.timings)]
    rows = []
    for workload in dict.fromkeys(timing.workload for timing in passed.timings):
        own = {timing.baseline: timing for timing in passed.timings if timing.workload == workload}
        rows.append(
            {
                "shape": shape_words(workload),
                "ms": kernel_ns(passed, workload) / 1e6,
                "baselines": [_against(own[name]) | {"name": BASELINES[name]} for name in baselines if name in own],
            }
        )
    whole = [(BASELINES[name], speedup(passed.timings, name)) for name in baselines]
    return {"rows": rows, "whole": [{"name": name, "speedup": str(found)} for name, found in whole if found]}


def _against(timing: Timing) -> dict[str, Any]:
    return {"ms": median(timing.reference_samples_ns) / 1e6, "speedup": str(workload_speedup(timing))}


def kernel_ns(passed: Passed, workload: Workload) -> float:
    """Median time of a call on this workload."""
    return median(next(timing for timing in passed.timings if timing.workload == workload).samples_ns)


def shape_words(workload: Workload) -> str:
    """``rows=4, cols=8``: a shape as prompts write it."""
    return ", ".join(f"{name}={length}" for name, length in workload.axes) or ONLY


def bottleneck_facts(material: Material) -> dict[str, Any] | None:
    """How far each workload is from what the machine allows, which limit that is, and what stands in the way."""
    passed = material.passed
    bandwidth, operations = peaks(material.environment)
    if passed is None or not passed.timings or not bandwidth or not operations:
        return None
    rows: list[dict[str, Any]] = []
    for workload, calls in {timing.workload: timing.calls[0] for timing in passed.timings}.items():
        moved = traffic(material.problem, workload, material.environment)
        moving = memory_ns(moved, bandwidth, calls)
        from_memory = moved / bandwidth[max(bandwidth)]
        own = kernel_ns(passed, workload)
        computing = compute_ns(material.problem, workload, operations)
        rows.append(
            {
                "shape": shape_words(workload),
                "memory_ms": moving / 1e6,
                "from_memory_ms": from_memory / 1e6,
                "of_memory": from_memory / own,
                "compute_ms": computing / 1e6,
                "fraction": max(moving, computing) / own,
                "bound": "memory" if moving >= computing else "arithmetic",
            }
        )
    # Between two calls the inputs get new content, so most of them come from beyond the caches.
    worst = min(max(row["fraction"], min(1.0, row["of_memory"])) for row in rows)
    gpu = about_gpu.is_gpu(material.base.language)
    found = about_gpu.findings(material, passed, rows) if gpu else _findings(material, passed)
    return {
        "rows": rows,
        "counted": bool(material.problem.operations),
        "cold": GPU_COLD if gpu else COLD,
        "findings": found + _distance(worst, explained=bool(found)),
        "profile": about_gpu.profile_words(passed),
    }


def _distance(worst: float, *, explained: bool) -> list[str]:
    """What the distance from the roofline says of the workload that is nearest to its limit least."""
    if worst >= NEAR_ROOFLINE:
        return ["it is near the roofline: only moving less data or doing less work can make it much faster"]
    if worst < FAR_FROM_ROOFLINE and not explained:
        return [UNEXPLAINED]
    return []


def _findings(material: Material, passed: Passed) -> list[str]:
    """What source and build say of why it is as slow as it is, on a processor."""
    facts = passed.build.facts
    cores = int(mapping(material.environment.get("hardware")).get("cores", 1))
    if material.base.language == "opencl":
        cores = 1  # its work-groups are spread without a word in the source
    found = []
    if cores > 1 and not any(_THREADS.search(text) for _, text in material.base.sources):
        found.append(f"it is serial: one of {cores} cores works")
    wide = facts.get("zmm_instructions", 0) + facts.get("ymm_instructions", 0)
    if "instructions" in facts and not wide:
        found.append("it is not vectorised: no instruction uses a 256- or 512-bit register")
    elif facts.get("missed_loops", 0) and wide < VECTOR_SHARE * facts.get("instructions", 0):
        found.append(f"{facts['missed_loops']} loops are not vectorised")
    if facts.get("vector_spills", 0):
        found.append(f"vector registers are spilled to the stack {facts['vector_spills']} times: too many live at once")
    if facts.get("math_calls", 0):
        found.append(f"it calls the maths library in {facts['math_calls']} places; a polynomial in line may be faster")
    if facts.get("gathers", 0):
        found.append(f"it gathers single elements into vectors in {facts['gathers']} places")
    return found


def compiler_facts(material: Material) -> dict[str, Any] | None:
    """What the compiler reported of the build: instructions, vectorised loops, spills, messages."""
    passed = material.passed
    if passed is None:
        return None
    language = material.base.language
    known = about_gpu.FACTS if about_gpu.is_gpu(language) else OPENCL_FACTS if language == "opencl" else FACTS
    facts = [
        {"what": words, "count": passed.build.facts[name]}
        for name, words in known.items()
        if name in passed.build.facts
    ]
    log = passed.build.log.strip()
    return {"facts": facts, "log": log} if facts or log else None
