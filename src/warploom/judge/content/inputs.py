"""Inputs of a workload, drawn from a secret seed.

Every recipe draws its elements independently of their place, so that any window of a drawn stretch is again a draw
of the same recipe. Timed calls use that, see :mod:`warploom.judge.content.renewal`: new content costs a copy.

    normal   zero mean, unit variance
    wide     zero mean, magnitudes over six decades
    offset   normal around 100: sums that cancel badly, exponentials that overflow
    below    normal around -100: nothing is above zero, where a careless maximum begins
    spikes   normal, every hundredth element a thousand times larger
    ties     few distinct values
    tiny     normal times 0.001
    large    normal times 1000
    special  normal with NaN, infinities, denormals and signed zeros sprinkled in
    zeros    all zero
    own      whatever the problem's own generator draws, see :func:`warploom.judge.correctness.oracle.fill`

Sources: the recipes answer the shortcuts of which kernels have been caught: half precision that positive uniform
inputs let pass, statistics taken for sums, a softmax without its maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from warploom.judge.content.layout import STORAGE, Array
from warploom.values.problem import FLOATS, Tensor
from warploom.values.shape import extent

OFFSETS: dict[str, float] = {"offset": 100.0, "below": -100.0}
"""Recipe → the mean of its normal numbers."""

SPECIAL_SHARE = 1 / 64
_INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "int8": (-128, 128),
    "uint8": (0, 256),
    "int16": (-1000, 1000),
    "int32": (-1000, 1000),
    "int64": (-1000, 1000),
    "bool": (0, 2),
}
TIES: Array = np.array([-1.5, -0.5, 0.0, 0.5, 2.0], dtype=np.float32)
_ODD: Array = np.array([np.nan, np.inf, -np.inf, 1e-39, -1e-41, 0.0, -0.0], dtype=np.float32)


def draw(tensor: Tensor, recipe: str, count: int, axes: Mapping[str, int], rng: np.random.Generator) -> Array:
    """``count`` elements in the tensor's storage type.

    Args:
        tensor: dtype, range, scale and sign of its elements.
        recipe: one of :data:`warploom.values.problem.RECIPES` but "own".
        count: how many.
        axes: for integer ranges that are axis expressions.
        rng: where the randomness comes from.
    """
    if tensor.dtype not in FLOATS:
        low, high = integer_range(tensor, axes)
        return rng.integers(low, high, size=count, dtype=np.int64).astype(STORAGE[tensor.dtype])
    values = _DRAWS[recipe](count, rng)
    if tensor.positive:
        np.abs(values, out=values)
    if tensor.scale != 1.0:
        values *= np.float32(tensor.scale)
    return encode(values, tensor.dtype)


def magnitudes(recipe: str, count: int, rng: np.random.Generator) -> Array | None:
    """What normal numbers are multiplied by to be a draw of this recipe, shape [n]; None where that is all or nothing.

    An odd value multiplied by a normal number stays as odd as it was: NaN, an infinity, a denormal, a zero.
    """
    if recipe == "wide":
        return _decades(count, rng)
    if recipe not in ("spikes", "special"):
        return None
    found = np.ones(count, dtype=np.float32)
    if recipe == "spikes":
        found[_spiked(count, rng)] = 1000.0
    else:
        where, odd = _sprinkled(count, rng)
        found[where] = odd
    return found


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


def integer_range(tensor: Tensor, axes: Mapping[str, int]) -> tuple[int, int]:
    """The lowest element of an integer tensor, and one more than its highest."""
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
    values *= _decades(count, rng)
    return values


def _decades(count: int, rng: np.random.Generator) -> Array:
    found: Array = np.float32(10.0) ** (rng.random(count, dtype=np.float32) * np.float32(6) - np.float32(3))
    return found


def _spikes(count: int, rng: np.random.Generator) -> Array:
    values = _normal(count, rng)
    values[_spiked(count, rng)] *= np.float32(1000)
    return values


def _spiked(count: int, rng: np.random.Generator) -> Array:
    found: Array = rng.random(count, dtype=np.float32) < np.float32(0.01)
    return found


def _ties(count: int, rng: np.random.Generator) -> Array:
    return rng.choice(TIES, size=count)


def _special(count: int, rng: np.random.Generator) -> Array:
    values = _normal(count, rng)
    where, odd = _sprinkled(count, rng)
    values[where] = odd
    return values


def _sprinkled(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Places, and the odd values to stand there."""
    where = np.flatnonzero(rng.random(count, dtype=np.float32) < np.float32(SPECIAL_SHARE))
    if count >= 8 * _ODD.size:  # few draws could leave a kind out
        where = np.union1d(where, rng.choice(count, size=_ODD.size, replace=False))
    return where, rng.permutation(np.resize(rng.permutation(_ODD), where.size))


_DRAWS: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "normal": _normal,
    "wide": _wide,
    "offset": lambda count, rng: _normal(count, rng) + np.float32(OFFSETS["offset"]),
    "below": lambda count, rng: _normal(count, rng) + np.float32(OFFSETS["below"]),
    "spikes": _spikes,
    "ties": _ties,
    "tiny": lambda count, rng: _normal(count, rng) * np.float32(1e-3),
    "large": lambda count, rng: _normal(count, rng) * np.float32(1e3),
    "special": _special,
    "zeros": lambda count, rng: np.zeros(count, dtype=np.float32),
}
