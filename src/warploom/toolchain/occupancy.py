"""How many warps of a kernel a GPU holds at once: the limits of its architecture against what the kernel takes."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.values.architecture import Architecture


@dataclass(frozen=True)
class Occupancy:
    """Resident work of one unit (multiprocessor, compute unit).

    Attributes:
        blocks: resident blocks; 0 for a kernel that cannot be launched.
        warps: resident warps.
        percent: of the warps that the unit could hold, rounded down.
        limit: what allows no more: "warps", "blocks", "registers" or "shared memory".
    """

    blocks: int
    warps: int
    percent: int
    limit: str


def occupancy(architecture: Architecture, threads: int, registers: int, shared_bytes: int) -> Occupancy:
    """The occupancy of a kernel, as NVIDIA's calculator has it.

    Args:
        architecture: where it runs.
        threads: of one block.
        registers: of one thread.
        shared_bytes: of one block, static and dynamic together.
    """
    unit = architecture
    warps = _up(threads, unit.warp) // unit.warp
    if threads > unit.block_threads or shared_bytes > unit.block_shared_bytes or registers > unit.thread_registers:
        return Occupancy(0, 0, 0, _exceeded(unit, threads, shared_bytes))
    each = unit.registers // _up(max(registers, 1), unit.register_step)
    fits = -(-warps // unit.partitions) <= each  # the hardware checks as if a block's warps were dealt out evenly
    own = shared_bytes + unit.reserved_bytes
    limits = {
        "warps": unit.warps // warps,
        "blocks": unit.blocks,
        "registers": each * unit.partitions // warps if fits else 0,
        "shared memory": unit.shared_bytes // _up(own, unit.shared_step) if own else unit.blocks,
    }
    limit = min(limits, key=lambda name: limits[name])
    blocks = limits[limit]
    return Occupancy(blocks, blocks * warps, 100 * blocks * warps // unit.warps, limit)


def _exceeded(unit: Architecture, threads: int, shared_bytes: int) -> str:
    if threads > unit.block_threads:
        return "warps"
    return "shared memory" if shared_bytes > unit.block_shared_bytes else "registers"


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
