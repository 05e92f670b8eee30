"""Numbers read off the assembly that LLVM writes for AMD's GPUs: its metadata and its instructions."""

from __future__ import annotations

import re

_INSTRUCTION = re.compile(r"^[ \t]+(?P<op>[sv]_\w+|global_\w+|buffer_\w+|flat_\w+|scratch_\w+|ds_\w+)\b", re.MULTILINE)
_KERNEL = re.compile(r"^  - \.a", re.MULTILINE)

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("matrix_instructions", r"v_(s?mfmac?|s?wmma)_"),
        ("async_copies", r"(global|buffer)_load_lds|(global|buffer)_load_\w*_lds"),
        ("atomics", r"(global|buffer|flat|ds)_atomic|ds_(add|max|min)_"),
        ("global_loads", r"(global|buffer|flat)_load"),
        ("global_stores", r"(global|buffer|flat)_store"),
        ("shuffles", r"ds_(b?permute|swizzle)|v_permlane|v_readlane|v_writelane"),
        ("shared_accesses", r"ds_(read|write|load|store)"),
        ("local_accesses", r"scratch_(load|store)"),
        ("fma_instructions", r"v_(pk_)?(fma|fmac|mad|mac)_"),
        ("special_functions", r"v_(exp|log|rcp|rsq|sqrt|sin|cos)_"),
        ("barriers", r"s_barrier"),
    )
)


def instruction_mix(assembly: str) -> dict[str, int]:
    """Count instructions by the kinds of :func:`warploom.toolchain.ptx_facts.instruction_mix`, with the same names."""
    count = dict.fromkeys(("instructions", *(name for name, _ in KINDS), "wide_accesses"), 0)
    for match in _INSTRUCTION.finditer(assembly.partition(".amdgpu_metadata")[0]):
        op = match["op"]
        count["instructions"] += 1
        for name, pattern in KINDS:
            if pattern.match(op):
                count[name] += 1
                break
        if re.match(r"(global|buffer|flat)_(load|store)_(dwordx|b(64|96|128))", op):
            count["wide_accesses"] += 1
    return count


def resources(assembly: str, kernel: str) -> dict[str, int]:
    """What the code object's metadata says of one kernel.

    Returns:
        ``registers`` (vector registers of a lane, accumulators among them), ``scalar_registers``, ``stack_bytes``,
        ``spill_bytes`` (four for each spilled register), ``shared_bytes``, ``block_threads`` (of a block at most) and
        ``arguments``; {} where it is absent.
    """
    for passage in _KERNEL.split(assembly.rpartition(".amdgpu_metadata\n---")[2])[1:]:
        if not re.search(rf"\.name:\s+{re.escape(kernel)}\s", passage):
            continue
        number = {name: int(value) for name, value in re.findall(r"^    \.(\w+):\s+(\d+)$", passage, re.MULTILINE)}
        return {
            "registers": number["vgpr_count"],
            "scalar_registers": number["sgpr_count"],
            "stack_bytes": number["private_segment_fixed_size"],
            "spill_bytes": 4 * (number["vgpr_spill_count"] + number["sgpr_spill_count"]),
            "shared_bytes": number["group_segment_fixed_size"],
            "block_threads": number["max_flat_workgroup_size"],
            "arguments": len(re.findall(r"\.value_kind:\s+(?!hidden|\s)", passage)),
        }
    return {}
