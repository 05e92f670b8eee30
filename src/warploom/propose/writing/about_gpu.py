"""A GPU in words: what it has, what its compiler made of a kernel, and what a profiler saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from warploom.errors import ProblemError, SourceError
from warploom.propose.moves.books import book_of
from warploom.propose.moves.protocol import meaning_of
from warploom.propose.moves.verbatim import unit_of
from warploom.propose.writing.material import Material
from warploom.propose.writing.stated import mapping, peaks, size_words
from warploom.syntax import evolve_block
from warploom.syntax import launch as launch_line
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.occupancy import occupancy
from warploom.values.architecture import Architecture, of_capability
from warploom.values.candidate import Candidate
from warploom.values.launch import Launch
from warploom.values.outcome import Passed
from warploom.values.problem import ONLY, Problem, Workload
from warploom.values.signature import signature
from warploom.values.target import VENDORS

MUCH_WORKSPACE = 0.1
"""Of the bytes that a problem moves: filling more than that with zeros is worth a word."""

LOW_OCCUPANCY = 25
"""Percent: below, latency is hidden badly, unless matrix units do the work."""

WITHOUT_MATRIX_UNITS = 16.0
"""So many times longer does arithmetic take without them, about."""

_MMA = "matrix units for float16, bfloat16, tf32 and int8 (mma.sync, wmma)"
_COPY = "copies into shared memory past the registers (cp.async)"
_FLOAT8 = "matrix units for float16, bfloat16, tf32, float8 and int8 (mma.sync, wmma)"
_BULK = "bulk copies (cp.async.bulk with an mbarrier; tensor maps need a host, which is not there)"

FEATURES: dict[str, str] = {
    "sm_80": f"{_MMA}; {_COPY}",
    "sm_86": f"{_MMA}; {_COPY}",
    "sm_89": f"{_FLOAT8}; {_COPY}",
    "sm_90": f"{_FLOAT8}; {_COPY}; {_BULK}",
    "sm_90a": f"{_FLOAT8}, and wgmma on tiles in shared memory; {_COPY}; {_BULK}; setmaxnreg",
    "sm_100": f"{_FLOAT8}; {_COPY}; {_BULK}",
    "sm_100a": f"{_FLOAT8}, and tcgen05.mma with tensor memory; {_COPY}; {_BULK}",
    "sm_120": f"{_FLOAT8}; {_COPY}",
    "sm_120a": f"{_FLOAT8}, block-scaled float8, float6 and float4 too; {_COPY}",
    "gfx90a": "matrix units for float16, bfloat16, float32, float64 and int8 (MFMA)",
    "gfx942": "matrix units for float16, bfloat16, xf32, float8 (fnuz), float64 and int8 (MFMA)",
    "gfx950": "matrix units for float16, bfloat16, float8, float6, float4, float64 and int8 (MFMA)",
    "gfx1100": "matrix units for float16, bfloat16 and int8 (WMMA)",
}
"""Architecture → what a kernel can use there beyond plain arithmetic."""

FACTS: dict[str, str] = {
    "registers": "registers of a thread",
    "spill_bytes": "bytes of spilled registers",
    "stack_bytes": "bytes of stack of a thread",
    "shared_bytes": "bytes of shared memory of a block",
    "threads": "threads of a block",
    "blocks_per_unit": "blocks resident in a unit",
    "occupancy_percent": "occupancy in percent",
    "instructions": "instructions, before the assembler",
    "matrix_instructions": "of matrix units",
    "fma_instructions": "fused multiply-adds",
    "special_functions": "exponentials, roots, reciprocals and their like",
    "global_loads": "loads from global memory",
    "global_stores": "stores to global memory",
    "wide_accesses": "of these two or more elements wide",
    "async_copies": "asynchronous copies",
    "shared_accesses": "accesses to shared memory",
    "local_accesses": "accesses to local memory",
    "shuffles": "shuffles",
    "barriers": "barriers",
    "atomics": "atomics",
}
"""Facts of a build that are worth telling, in words."""

MEASURES: dict[str, str] = {
    "compute_percent": "% of what the units can compute",
    "memory_percent": "% of what the memory system can move",
    "dram_percent": "% of the bandwidth of its memory",
    "l2_hit_percent": "% of the accesses to L2 hit",
    "occupancy_percent": "% of the warps that could be resident were",
}
"""What a profiler measures, in words; see :mod:`warploom.judge.gpu.profile`."""


def is_gpu(language: str) -> bool:
    """Whether kernels of this language run on a GPU."""
    return language in VENDORS


def gpu_of(environment: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the judge says of its GPU; nothing where there is none."""
    return mapping(mapping(environment.get("hardware")).get("gpu"))


def architecture_of(environment: Mapping[str, Any]) -> Architecture | None:
    """What that GPU is compiled for."""
    capability = gpu_of(environment).get("capability", ())
    return of_capability(*capability) if len(capability) == 2 else None


def gpu_facts(environment: Mapping[str, Any]) -> dict[str, Any] | None:
    """The GPU, its limits, its peaks; None where the judge says nothing of one."""
    gpu, unit = gpu_of(environment), architecture_of(environment)
    if not gpu or unit is None:
        return None
    bandwidth, operations = peaks(environment)
    return {
        "name": gpu.get("name", ""),
        "architecture": unit.name,
        "units": gpu.get("units", 0),
        "ghz": gpu.get("clock_khz", 0) / 1e6,
        "memory": size_words(gpu.get("memory_bytes", 0)),
        "l2": size_words(gpu.get("l2_bytes", 0)),
        "limits": unit,
        "unit_registers": unit.registers * unit.warp * unit.partitions,
        "unit_shared": size_words(unit.shared_bytes),
        "block_shared": size_words(unit.block_shared_bytes),
        "features": FEATURES.get(unit.name, ""),
        "bandwidth": [(size_words(size), rate) for size, rate in bandwidth.items()],
        "operations": operations,
    }


def findings(material: Material, passed: Passed, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What build and launch say of why a kernel is as slow as it is; the last ones are the surest to matter.

    Args:
        material: of the request.
        passed: the kernel's evaluation.
        rows: of :func:`warploom.propose.writing.about_kernel.bottleneck_facts`.
    """
    facts, unit = passed.build.facts, architecture_of(material.environment)
    found = []
    if facts.get("spill_bytes", 0):
        found.append(f"registers are spilled, {facts['spill_bytes']} bytes of them: too much lives at once in a thread")
    if facts.get("local_accesses", 0) and not facts.get("spill_bytes", 0):
        found.append("arrays of a thread lie in local memory: an index into them is not known when it is compiled")
    if facts.get("global_loads", 0) and not facts.get("wide_accesses", 0) and not facts.get("async_copies", 0):
        found.append("every access to global memory is of a single element: none is wide")
    matrix = facts.get("matrix_instructions", 0)
    if not matrix and any(row["compute_ms"] * WITHOUT_MATRIX_UNITS > row["memory_ms"] for row in rows):
        found.append("no matrix unit is at work, and without them arithmetic is the limit")
    resident = facts.get("occupancy_percent", 100)
    if unit is not None and not matrix and resident < LOW_OCCUPANCY and "registers" in facts:
        held = occupancy(unit, facts.get("threads", 1), facts["registers"], facts.get("shared_bytes", 0))
        found.append(f"few warps are resident, {resident} % of those that could be; the limit is: {held.limit}")
    return found + _waves(material, facts)


def _waves(material: Material, facts: Mapping[str, int]) -> list[str]:
    """Shapes for which there are too few blocks, just too many for the units to end together, or much to be filled."""
    units = int(gpu_of(material.environment).get("units", 0))
    found = []
    for workload, launch in launches(material.problem, material.base).items():
        shape, blocks = _shape(workload), prod(launch.blocks(workload.extents))
        at_once = units * max(1, facts.get("blocks_per_unit", 1))
        waves = blocks / at_once if at_once else 0.0
        if blocks < units:
            found.append(f"{shape}: {blocks} blocks for {units} units; the others have nothing to do")
        elif 1 < waves < 3 and waves % 1 and waves % 1 < 0.5:
            found.append(
                f"{shape}: {blocks} blocks where {at_once} are resident at a time: in the last round most units idle"
            )
        filled, moved = launch.workspace_bytes(workload.extents), material.problem.traffic_bytes(workload)
        if filled > MUCH_WORKSPACE * moved:
            said = f"{size_words(filled)} of workspace are filled with zeros first"
            found.append(f"{shape}: {said}, and the problem moves {size_words(moved)} in all")
    return found


def launches(problem: Problem, candidate: Candidate) -> dict[Workload, Launch]:
    """Timed shape → the launch, which can be had there; none where the LAUNCH line says otherwise."""
    try:
        keys = GPU_TOOLCHAINS[candidate.language].launch_keys
        launch, _ = launch_line.of(candidate, signature(problem), keys)
        for workload in problem.workloads:
            launch.blocks(workload.extents)
            launch.workspace_bytes(workload.extents)
    except (SourceError, ProblemError):
        return {}
    return dict.fromkeys(problem.workloads, launch)


def _shape(workload: Workload) -> str:
    return ", ".join(f"{name}={length}" for name, length in workload.axes) or ONLY


def profile_words(passed: Passed) -> list[str]:
    """What a profiler saw of the kernel, a line each; none where there was no profiler."""
    seen = mapping(passed.environment.get("profile"))
    lines = [f"{seen[name]:.3g} {words}" for name, words in MEASURES.items() if name in seen]
    stalls = mapping(seen.get("stalls"))
    if stalls:
        told = ", ".join(f"{name} {share:.0f} %" for name, share in stalls.items())
        lines.append(f"why warps waited: {told}")
    return lines


def rewrites_facts(material: Material) -> dict[str, Any] | None:
    """The mechanical rewrites that apply to the kernel, and at how many places; of GPU languages alone."""
    if not is_gpu(material.base.language):
        return None
    block = unit_of(evolve_block.split(material.base.source)[1])
    offers = ((move, len(move.sites(block))) for move in book_of(material.base.language).moves)
    found = [{"name": move.name, "what": meaning_of(move), "places": places} for move, places in offers if places]
    return {"moves": found} if found else None
