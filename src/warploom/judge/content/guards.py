"""Poison in outputs before a call, guard zones around them, and whether they stood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warploom.judge.content.layout import STORAGE, Layout, view
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import FLOATS

_NAN_BITS: dict[str, tuple[int, int]] = {
    "float16": (0x7E00, 9),
    "bfloat16": (0x7FC0, 6),
    "float32": (0x7FC0_0000, 22),
    "float64": (0x7FF8_0000_0000_0000, 51),
}
"""Quiet NaN and the number of free payload bits; arithmetic makes NaN with an empty payload."""


@dataclass(frozen=True)
class Poison:
    """What one output buffer held before a call.

    Attributes:
        words: per output, the bits of every element.
        guard: the byte of every guard zone.
    """

    words: tuple[int, ...]
    guard: int


def poison(buffer: SharedBuffer, layout: Layout, rng: np.random.Generator) -> Poison:
    """Fill outputs with a new pattern, a NaN with a random payload where the dtype has one, and the guards."""
    guard = int(rng.integers(1, 256))
    memory = np.frombuffer(buffer.memory, dtype=np.uint8)
    for begin, end in layout.gaps:
        memory[begin:end] = guard
    words = []
    for region in layout.regions:
        size = np.dtype(STORAGE[region.dtype]).itemsize
        if region.dtype in FLOATS:
            quiet, free = _NAN_BITS[region.dtype]
            word = quiet | int(rng.integers(1, 1 << free))
        else:
            word = int.from_bytes(rng.bytes(size), "little") | (2 if region.dtype == "bool" else 0)
        view(buffer, region).view(f"u{size}").fill(word)
        words.append(word)
    return Poison(tuple(words), guard)


def overwritten(buffer: SharedBuffer, layout: Layout, laid: Poison) -> str:
    """Which guard zone was written to, "" when all stand."""
    memory = np.frombuffer(buffer.memory, dtype=np.uint8)
    names = [region.name for region in layout.regions]
    for index, (begin, end) in enumerate(layout.gaps):
        changed = memory[begin:end] != laid.guard
        if changed.any():
            first, last = int(changed.argmax()), int(end - begin - 1 - changed[::-1].argmax())
            if index == len(names) or (index > 0 and first < end - begin - 1 - last):
                return f"{_bytes(first + 1)} behind the end of {names[index - 1]}"
            return f"{_bytes(end - begin - last)} before the start of {names[index]}"
    return ""


def _bytes(count: int) -> str:
    return f"{count} byte{'' if count == 1 else 's'}"
