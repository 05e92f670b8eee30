"""The machine that the kernels run on, with its measured peaks."""

from __future__ import annotations

import re
from typing import Any

from warploom.propose.writing import about_gpu
from warploom.propose.writing.material import Material
from warploom.propose.writing.stated import mapping, peaks, size_words

VECTORS: dict[str, str] = {
    "avx512f": "AVX-512: 32 vector registers of 512 bits (16 floats)",
    "avx2": "AVX2: 16 vector registers of 256 bits (8 floats)",
    "avx": "AVX: 16 vector registers of 256 bits (8 floats)",
    "sse2": "SSE: 16 vector registers of 128 bits (4 floats)",
}


def machine_facts(material: Material) -> dict[str, Any] | None:
    """What the kernels run on, with its limits and peaks; None where the judge says nothing of it."""
    if about_gpu.is_gpu(material.base.language):
        return about_gpu.gpu_facts(material.environment)
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
        "caches": {level: size_words(size) for level, size in mapping(hardware.get("caches_bytes")).items()},
        "bandwidth": [(size_words(size), rate) for size, rate in bandwidth.items()],
        "operations": operations,
    }
