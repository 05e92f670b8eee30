"""What an output should be and how far a right kernel may be off it. Runs in the reference process.

The expected value is the reference in float64. The tolerance of an element is ``factor`` times the largest of

- the error of the reference in the problem's own dtype, over a few input sets close to the one at hand,
- the change of the float64 result when every input moves by one rounding unit of float32 (its condition),
- one rounding unit of the output's dtype,

each taken over the element's neighbourhood of 64 to 192 elements, because a single error can be small by luck, and
never less than the root mean square over the whole output, because neighbours can be lucky together (a running sum).
The largest hundredth counts in that as the rest does: near its poles a tangent is off by more than it is elsewhere.
The second term is what a backward-stable algorithm may lose (N. Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., 1.6); it lets sums be re-ordered, and is 2^15 times too small for products in bfloat16.
"""

from __future__ import annotations

import functools
import mmap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from warploom.judge.comparison.compare import ROUNDING
from warploom.judge.content.layout import STORAGE, Array
from warploom.problems.returned import check_returned
from warploom.values.problem import FLOATS, Problem, Tensor
from warploom.values.shape import extents

SAMPLES = 2
"""Nearby input sets for the reference's own error, and again for the condition."""

LARGE = 1 << 20
"""With so many elements one sample of each will do: every neighbourhood has many."""

_PATTERN = 8191
"""Signs are drawn for so many elements and repeated; a prime, so that they fall differently in every row."""

COMMON = 0.99
"""Share of the elements that tell how far off an output is as a whole."""

_ENOUGH = 1 << 16
"""Elements for a quantile; an odd number apart, so that they are not all of one column."""

NEARBY = 1e-3
BLOCK = 64

_SMALLEST: dict[str, float] = {"float64": 2.0**-1074, "float32": 2.0**-149, "float16": 2.0**-24, "bfloat16": 2.0**-133}
_LARGEST: dict[str, float] = {
    "float64": np.inf,
    "float32": 3.4028235677973366e38,
    "float16": 65520.0,
    "bfloat16": 3.4e38,
}

Function = Callable[..., tuple[torch.Tensor, ...]]


@dataclass(frozen=True)
class Calibrated:
    """One output.

    Attributes:
        expected: float64 result rounded to float32 (kept for a float64 output, exact for integers). Shape [n].
        tolerance: largest error of each element, same dtype. Shape [n].
        otherwise: the reference in the problem's dtype, only where NaN or infinities differ from ``expected``.
        level: largest error level of the whole output, before the factor.
    """

    expected: Array
    tolerance: Array
    otherwise: Array | None
    level: float


def tensor_at(memory: mmap.mmap, offset: int, tensor: Tensor, axes: Mapping[str, int]) -> torch.Tensor:
    """The tensor that lies at this offset of a shared buffer, not copied."""
    shape = extents(tensor.shape, axes)
    count = int(np.prod(shape, dtype=np.int64))
    return torch.frombuffer(memory, dtype=getattr(torch, tensor.dtype), count=count, offset=offset).view(shape)


def calibrate(
    function: Function, tensors: Sequence[torch.Tensor], problem: Problem, axes: Mapping[str, int], seed: int
) -> list[Calibrated]:
    """Expected values and tolerances of every output for these inputs.

    Raises:
        WrongReference: the reference gives outputs of another number, dtype or shape than the problem says.
    """
    generator = torch.Generator().manual_seed(seed)
    plain = function(*tensors)
    check_returned(plain, problem, axes)
    exact = _exactly(function, tensors)
    errors = [_off(plain, exact)]
    count = sum(tensor.numel() for tensor in tensors)
    unit = ROUNDING["float32"] if any(t.dtype != torch.float64 for t in tensors) else 2 * ROUNDING["float64"]
    for _ in range(1 if count > LARGE else SAMPLES):
        near = [moved(tensor, NEARBY, generator).to(tensor.dtype) for tensor in tensors]
        errors.append(_off(function(*near), _exactly(function, near)))
        errors.append(_off(function(*(moved(tensor, unit, generator) for tensor in tensors)), exact))
    found = []
    for index, tensor in enumerate(problem.outputs.values()):
        if tensor.dtype in FLOATS:
            level = functools.reduce(torch.maximum, (error[index] for error in errors)).cpu().numpy()
            found.append(_tolerate(_array(plain[index]), _array(exact[index]), level, tensor.dtype, problem))
        else:
            whole = plain[index].contiguous().reshape(-1).cpu()
            stored = (whole.view(torch.uint8) if tensor.dtype == "bool" else whole).numpy()
            found.append(Calibrated(stored.astype(STORAGE[tensor.dtype]), np.zeros(stored.size, "f4"), None, 0.0))
    return found


def _tolerate(plain: Array, exact: Array, error: Array, dtype: str, problem: Problem) -> Calibrated:
    wanted = problem.tolerance
    finite = np.isfinite(exact)
    clean = bool(finite.all())
    size = np.abs(exact if clean else np.where(finite, exact, 0.0))
    tolerance = np.maximum(ROUNDING[dtype] * size, _SMALLEST[dtype])
    level = typical(error, tolerance)
    np.maximum(tolerance, neighbourhood_max(error), out=tolerance)
    np.maximum(tolerance, level, out=tolerance)
    tolerance *= wanted.factor
    tolerance += wanted.absolute
    tolerance += np.multiply(size, wanted.relative, out=size)
    keep = np.float64 if dtype == "float64" else np.float32
    with np.errstate(over="ignore", invalid="ignore"):
        if not (clean and exact.max() < _LARGEST[dtype] and exact.min() > -_LARGEST[dtype]):
            exact = np.where(np.abs(exact) >= _LARGEST[dtype], np.copysign(np.inf, exact), exact)
        expected = exact.astype(keep)
        same = np.isfinite(plain) & np.isfinite(exact)
        same |= (np.isnan(plain) & np.isnan(exact)) | (plain == exact)
        # A tolerance that overflows its type still has to be a number.
        np.clip(tolerance, np.finfo(keep).tiny, np.finfo(keep).max, out=tolerance)
        otherwise = None if same.all() else plain.astype(keep)
    return Calibrated(expected, tolerance.astype(keep), otherwise, float(error.max(initial=0.0)))


def neighbourhood_max(error: Array) -> Array:
    """Largest value in each element's block of 64 and the two beside it. Shape [n] → [n]."""
    blocks = -(-error.size // BLOCK)
    padded = np.zeros(blocks * BLOCK)
    padded[: error.size] = error
    top = padded.reshape(blocks, BLOCK).max(axis=1)
    wide = top.copy()
    wide[1:] = np.maximum(wide[1:], top[:-1])
    wide[:-1] = np.maximum(wide[:-1], top[1:])
    spread: Array = np.repeat(wide, BLOCK)[: error.size]
    return spread


def typical(error: Array, rounding: Array) -> float:
    """Root mean square of errors [n], those beyond the quantile :data:`COMMON` taken for that.

    The quantile is that of errors well above the output's own rounding: where most elements are saturated and exact,
    the few between must have room.
    """
    every = slice(None, None, 1 | error.size // _ENOUGH)
    some = error[every]
    some = some[some > 4 * rounding[every]]
    most = np.quantile(some, COMMON) if some.size else np.inf
    return float(np.sqrt(np.mean(np.square(np.minimum(error, most)))))


def _exactly(function: Function, tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return function(*(tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors))


def moved(tensor: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Every element moved up or down by this share of itself, in float64; integers stay."""
    if not tensor.is_floating_point():
        return tensor
    signs = 2.0 * torch.randint(0, 2, (_PATTERN,), generator=generator).double() - 1.0
    count = tensor.numel()
    pattern = (1.0 + share * signs).to(tensor.device).repeat(-(-count // _PATTERN))[:count]
    return pattern.view(tensor.shape).mul_(tensor)


def _off(own: Sequence[torch.Tensor], exact: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Absolute errors of every output, flat, 0 where either is not finite."""
    return [
        (one.double() - other.double()).abs_().nan_to_num_(nan=0.0, posinf=0.0).reshape(-1)
        for one, other in zip(own, exact, strict=True)
    ]


def _array(tensor: torch.Tensor) -> Array:
    return tensor.double().contiguous().reshape(-1).cpu().numpy()
