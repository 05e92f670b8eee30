"""GPU architectures by the name that compilers give them, and the limits that decide how many threads are resident.

Sources: CUDA C++ Programming Guide, "Technical specifications per compute capability", and NVIDIA's occupancy
calculator; LLVM's AMDGPU backend (``AMDGPUBaseInfo``) for the register files of CDNA and RDNA.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from warploom.errors import ConfigError

KIB = 1024


@dataclass(frozen=True)
class Architecture:
    """One GPU architecture. A *unit* is a streaming multiprocessor or a compute unit, the place a block lives in.

    Attributes:
        name: "sm_90a", "gfx942".
        vendor: "nvidia" or "amd".
        warp: threads of a warp (a wavefront).
        warps: warps resident in a unit at most.
        blocks: blocks resident in a unit at most.
        partitions: schedulers of a unit, each with its own part of the register file.
        registers: 32-bit registers a lane has in one partition's file: registers of the file / threads of a warp.
        register_step: registers a thread are handed out in multiples of this.
        thread_registers: registers of one thread at most; more are spilled.
        shared_bytes: shared memory (LDS) of a unit.
        block_shared_bytes: shared memory of one block at most.
        reserved_bytes: shared memory that each resident block costs on top of its own.
        shared_step: shared memory is handed out in multiples of this.
        block_threads: threads of one block at most.
    """

    name: str
    vendor: str
    warp: int
    warps: int
    blocks: int
    partitions: int
    registers: int
    register_step: int
    thread_registers: int
    shared_bytes: int
    block_shared_bytes: int
    reserved_bytes: int
    shared_step: int
    block_threads: int = 1024


def _nvidia(name: str, warps: int, blocks: int, shared_kib: int) -> Architecture:
    kept = KIB  # the driver keeps 1 KiB of shared memory a block from compute capability 8.0 on
    return Architecture(
        name, "nvidia", 32, warps, blocks, 4, 512, 8, 255, shared_kib * KIB, (shared_kib - 1) * KIB, kept, 128
    )


def _cdna(name: str, shared_kib: int) -> Architecture:
    shared = shared_kib * KIB
    return Architecture(name, "amd", 64, 32, 16, 4, 512, 8, 512, shared, shared, 0, 512)


def _rdna(name: str) -> Architecture:
    return Architecture(name, "amd", 32, 64, 32, 4, 1536, 24, 256, 128 * KIB, 64 * KIB, 0, 1024)


ARCHITECTURES: dict[str, Architecture] = {
    one.name: one
    for one in (
        _nvidia("sm_80", 64, 32, 164),
        _nvidia("sm_86", 48, 16, 100),
        _nvidia("sm_89", 48, 24, 100),
        _nvidia("sm_90", 64, 32, 228),
        _nvidia("sm_90a", 64, 32, 228),
        _nvidia("sm_100", 64, 32, 228),
        _nvidia("sm_100a", 64, 32, 228),
        _nvidia("sm_120", 48, 24, 100),
        _nvidia("sm_120a", 48, 24, 100),
        _cdna("gfx90a", 64),
        _cdna("gfx942", 64),
        _cdna("gfx950", 160),
        _rdna("gfx1100"),
    )
}
"""Name → architecture: the ones that can be compiled for."""


def of_capability(major: int, minor: int) -> Architecture | None:
    """What to compile for an NVIDIA GPU: the one with everything that it alone has; None where it is not known."""
    plain = f"sm_{major}{minor}"
    return ARCHITECTURES.get(f"{plain}a") or ARCHITECTURES.get(plain)


def find_architecture(name: str) -> Architecture:
    """The architecture of this name.

    Raises:
        ConfigError: there is none; the nearest is named.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    near = get_close_matches(name, ARCHITECTURES, n=1, cutoff=0.5)
    known = f"did you mean {near[0]}?" if near else f"there is: {', '.join(ARCHITECTURES)}"
    raise ConfigError(f"unknown GPU architecture {name!r}; {known}")
