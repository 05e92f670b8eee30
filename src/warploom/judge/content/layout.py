"""Where tensors lie in the buffers that the judge shares with other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import ITEM_BYTES, Problem, Tensor, Workload
from warploom.values.shape import extents

ALIGNMENT_BYTES = 64
PAGE_BYTES = 4096
GUARD_BYTES = 4096
"""Guard zone before and after every output; also the gap between inputs."""

SLACK_BYTES = 4096
"""How much further the start of a timed call's input may move."""

Array = npt.NDArray[Any]

STORAGE: dict[str, str] = {
    "float32": "f4",
    "float64": "f8",
    "float16": "u2",
    "bfloat16": "u2",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "bool": "u1",
}
"""How numpy sees each dtype; the 16-bit floats as their bits."""


@dataclass(frozen=True)
class Region:
    """One tensor in a buffer.

    Attributes:
        name: of the tensor.
        dtype: of the tensor, one of :data:`warploom.values.problem.ITEM_BYTES`.
        shape: concrete lengths.
        offset: first byte of the tensor.
        room_bytes: bytes set aside for it, at least its size; windows into the room may start later than ``offset``.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    room_bytes: int

    @property
    def count(self) -> int:
        """Number of elements."""
        product = 1
        for length in self.shape:
            product *= length
        return product

    @property
    def size_bytes(self) -> int:
        """Bytes of the dense tensor."""
        return self.count * ITEM_BYTES[self.dtype]

    @property
    def room_count(self) -> int:
        """Number of elements that fit into the room."""
        return self.room_bytes // ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Layout:
    """All tensors of one side of a call, in calling order."""

    regions: tuple[Region, ...]
    size_bytes: int

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(begin, end) of every stretch of bytes that belongs to no tensor."""
        found, begin = [], 0
        for region in self.regions:
            found.append((begin, region.offset))
            begin = region.offset + region.size_bytes
        return (*found, (begin, self.size_bytes))


def input_layout(problem: Problem, workload: Workload, slack: bool = False) -> Layout:
    """Layout of the inputs.

    Args:
        problem: whose tensors.
        workload: the shape.
        slack: give each tensor a page more than it needs, so that it may start at any cache line of it.
    """
    return _layout(problem.inputs, workload.extents, slack)


def output_layout(problem: Problem, workload: Workload) -> Layout:
    """Layout of the outputs, a guard zone on both sides of each."""
    return _layout(problem.outputs, workload.extents, slack=False)


def view(buffer: SharedBuffer, region: Region, room: bool = False) -> Array:
    """The tensor in this buffer, flat, or its whole room. Let it go before the buffer is closed."""
    count = region.room_count if room else region.count
    return np.frombuffer(buffer.memory, dtype=STORAGE[region.dtype], count=count, offset=region.offset)


def _layout(tensors: Mapping[str, Tensor], axes: Mapping[str, int], slack: bool) -> Layout:
    regions, offset = [], GUARD_BYTES
    for name, tensor in tensors.items():
        size = tensor.size_bytes(axes)
        room = size + SLACK_BYTES if slack else size
        regions.append(Region(name, tensor.dtype, extents(tensor.shape, axes), offset, room))
        offset = _aligned(offset + room) + GUARD_BYTES
    # Whole pages: behind the last byte that is looked at nothing can be written, nor left for the next candidate.
    return Layout(tuple(regions), -(-offset // PAGE_BYTES) * PAGE_BYTES)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
