"""Inputs of a workload, drawn from a secret seed.

Every recipe draws its elements independently of their place, so that any window of a drawn stretch is again a draw
of the same recipe. Timed calls use that: new content costs a copy, not a draw.

    normal   zero mean, unit variance
    wide     zero mean, magnitudes over six decades
    offset   normal around 100: sums that cancel badly, exponentials that overflow
    spikes   normal, every hundredth element a thousand times larger
    ties     few distinct values
    tiny     normal times 0.001
    large    normal times 1000
    special  normal with NaN, infinities, denormals and signed zeros sprinkled in
    zeros    all zero

Sources: the recipes answer the shortcuts of which kernels have been caught: half precision that positive uniform
inputs let pass, statistics taken for sums, a softmax without its maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from warploom.judge.layout import STORAGE, Array
from warploom.values.problem import Tensor
from warploom.values.shape import extent

FLOATS: tuple[str, ...] = ("float32", "float64", "float16", "bfloat16")
SYMMETRIC: tuple[str, ...] = ("normal", "wide", "spikes", "tiny", "large")
"""Recipes whose draws stay draws when signs are flipped."""

OFFSET = 100.0
SPECIAL_SHARE = 1 / 64
_INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "int8": (-128, 128),
    "uint8": (0, 256),
    "int16": (-1000, 1000),
    "int32": (-1000, 1000),
    "int64": (-1000, 1000),
    "bool": (0, 2),
}
_SIGN_BITS: dict[int, int] = {2: 0x8000, 4: 0x8000_0000, 8: 0x8000_0000_0000_0000}
_TILE = 1 << 14


def draw(tensor: Tensor, recipe: str, count: int, axes: Mapping[str, int], rng: np.random.Generator) -> Array:
    """``count`` elements in the tensor's storage type.

    Args:
        tensor: dtype, range, scale and sign of its elements.
        recipe: one of :data:`warploom.values.problem.RECIPES`.
        count: how many.
        axes: for integer ranges that are axis expressions.
        rng: where the randomness comes from.
    """
    if tensor.dtype not in FLOATS:
        low, high = _integer_range(tensor, axes)
        return rng.integers(low, high, size=count, dtype=np.int64).astype(STORAGE[tensor.dtype])
    values = _DRAWS[recipe](count, rng)
    if tensor.positive:
        np.abs(values, out=values)
    if tensor.scale != 1.0:
        values *= np.float32(tensor.scale)
    return encode(values, tensor.dtype)


def can_flip(tensor: Tensor, recipe: str) -> bool:
    """Whether random signs keep a draw a draw."""
    return tensor.dtype in FLOATS and not tensor.positive and recipe in SYMMETRIC


def renew(target: Array, source: Array, flip: bool, rng: np.random.Generator) -> None:
    """Fill ``target`` with a window of the longer ``source`` at a random place, signs flipped at random if asked.

    Shapes: ``target`` [n], ``source`` [m], m ≥ n, of the same storage type.
    """
    start = int(rng.integers(0, source.size - target.size + 1))
    window = source[start : start + target.size]
    if not flip:
        np.copyto(target, window)
        return
    bits = np.dtype(f"u{target.dtype.itemsize}")
    tile = rng.integers(0, 2, size=min(_TILE, target.size), dtype=np.uint8).astype(bits)
    tile *= bits.type(_SIGN_BITS[bits.itemsize])
    into, take = target.view(bits), window.view(bits)
    for begin in range(0, target.size, _TILE):
        end = min(begin + _TILE, target.size)
        np.bitwise_xor(take[begin:end], tile[: end - begin], out=into[begin:end])


def encode(values: Array, dtype: str) -> Array:
    """Floats in the storage type of ``dtype``, rounded to nearest even."""
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
        rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        return np.where(np.isnan(values), np.uint32(0x7FC0), rounded).astype(np.uint16)
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return values.astype(np.float16).view(np.uint16)
    return values.astype(STORAGE[dtype], copy=False)


def decode(stored: Array, dtype: str) -> Array:
    """Numbers of a stored tensor: float32 for the 16-bit floats, else as stored (not copied)."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if dtype == "float16":
        return stored.view(np.float16).astype(np.float32)
    return stored


def _integer_range(tensor: Tensor, axes: Mapping[str, int]) -> tuple[int, int]:
    low, high = _INTEGER_RANGES[tensor.dtype]
    if tensor.low is not None:
        low = extent(str(tensor.low), axes)
    if tensor.high is not None:
        high = extent(str(tensor.high), axes)
    return low, max(high, low + 1)


def _normal(count: int, rng: np.random.Generator) -> Array:
    return rng.standard_normal(count, dtype=np.float32)


def _wide(count: int, rng: np.random.Generator) -> Array:
    values = _normal(count, rng)
    values *= np.float32(10.0) ** (rng.random(count, dtype=np.float32) * np.float32(6) - np.float32(3))
    return values


def _offset(count: int, rng: np.random.Generator) -> Array:
    return _normal(count, rng) + np.float32(OFFSET)


def _spikes(count: int, rng: np.random.Generator) -> Array:
    values = _normal(count, rng)
    values[rng.random(count, dtype=np.float32) < np.float32(0.01)] *= np.float32(1000)
    return values


def _ties(count: int, rng: np.random.Generator) -> Array:
    return rng.choice(np.array([-1.5, -0.5, 0.0, 0.5, 2.0], dtype=np.float32), size=count)


def _special(count: int, rng: np.random.Generator) -> Array:
    values = _normal(count, rng)
    odd = np.array([np.nan, np.inf, -np.inf, 1e-39, -1e-41, 0.0, -0.0], dtype=np.float32)
    where = np.flatnonzero(rng.random(count, dtype=np.float32) < np.float32(SPECIAL_SHARE))
    if count >= 8 * odd.size:  # few draws could leave a kind out
        where = np.union1d(where, rng.choice(count, size=odd.size, replace=False))
    chosen = np.resize(rng.permutation(odd), where.size)
    values[where] = rng.permutation(chosen)
    return values


_DRAWS: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "normal": _normal,
    "wide": _wide,
    "offset": _offset,
    "spikes": _spikes,
    "ties": _ties,
    "tiny": lambda count, rng: _normal(count, rng) * np.float32(1e-3),
    "large": lambda count, rng: _normal(count, rng) * np.float32(1e3),
    "special": _special,
    "zeros": lambda count, rng: np.zeros(count, dtype=np.float32),
}
