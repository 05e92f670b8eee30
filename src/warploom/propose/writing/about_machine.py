"""The machine that the kernels run on, with its measured peaks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from warploom.propose.writing.material import Material

VECTORS: dict[str, str] = {
    "avx512f": "AVX-512: 32 vector registers of 512 bits (16 floats)",
    "avx2": "AVX2: 16 vector registers of 256 bits (8 floats)",
    "avx": "AVX: 16 vector registers of 256 bits (8 floats)",
    "sse2": "SSE: 16 vector registers of 128 bits (4 floats)",
}


def machine_facts(material: Material) -> dict[str, Any] | None:
    """Processor, cores, vectors, caches and peaks; None where the judge says nothing of them."""
    hardware = mapping(material.environment.get("hardware"))
    if not hardware:
        return None
    cpu = str(hardware.get("cpu", ""))
    widest = cpu.rpartition(" ")[2]
    bandwidth, operations = peaks(material.environment)
    return {
        "cpu": re.sub(r" \(family [^)]*\)( \w+)?$", "", cpu),
        "cores": hardware.get("cores", 1),
        "vectors": VECTORS.get(widest, ""),
        "caches": {level: _size(size) for level, size in mapping(hardware.get("caches_bytes")).items()},
        "bandwidth": [(_size(size), rate) for size, rate in bandwidth.items()],
        "operations": operations,
    }


def peaks(environment: Mapping[str, Any]) -> tuple[dict[int, float], float]:
    """Size in bytes → bytes a nanosecond, and operations a nanosecond; ({}, 0) where they are unknown."""
    stated = mapping(environment.get("roofline"))
    rates = {int(size): float(rate) for size, rate in mapping(stated.get("bytes_per_ns")).items()}
    return dict(sorted(rates.items())), float(stated.get("operations_per_ns", 0.0))


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.4g} {unit}"
    return f"{size_bytes} bytes"
