"""Every element of an output against what it should be, in pieces that stay in the cache."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from warploom.judge.content.inputs import decode
from warploom.judge.content.layout import Array
from warploom.judge.content.spread import spread
from warploom.values.problem import FLOATS

CHUNK = 1 << 15
"""Elements at a time: four float32 pieces fit into a second-level cache."""


ROUNDING: dict[str, float] = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Largest relative rounding error of each dtype; bfloat16's covers truncation, its usual conversion."""


@dataclass(frozen=True)
class Allowance:
    """A tolerance that depends on the expected value alone: absolute + relative · |expected|."""

    absolute: float
    relative: float


@dataclass(frozen=True)
class Expected:
    """What an output should be.

    Attributes:
        values: numbers as :func:`warploom.judge.content.inputs.decode` gives them, float64 rounded to float32 where the
            output is no float64. Shape [n].
        tolerance: largest error per element [n], or an :class:`Allowance`; ignored for integers, which are exact.
        otherwise: result of the reference in the problem's own dtype [n], where it differs from ``values`` in NaN or
            infinity; such an element may be either. None when they agree everywhere.
    """

    values: Array
    tolerance: Array | Allowance
    otherwise: Array | None = None


@dataclass(frozen=True)
class Comparison:
    """How an output compares.

    Attributes:
        max_abs_error: largest absolute error of a finite element.
        max_rel_error: largest error in units of its tolerance; infinite when an element is wrong in kind.
        worst_index: flat index of the worst element.
        guard: "" or a kind of failure: "wrong_result", "not_finite", "unwritten_output".
        detail: what was found where, "" when all is well.
    """

    max_abs_error: float
    max_rel_error: float
    worst_index: int
    guard: str = ""
    detail: str = ""


def compare(stored: Array, dtype: str, expected: Expected, poison: int) -> Comparison:
    """Compare one output, all elements.

    Args:
        stored: the output in its storage type [n].
        dtype: its dtype.
        expected: what it should be.
        poison: bits that every element held before the call; -1 for none.
    """
    if dtype not in FLOATS:
        return _compare_exact(stored, expected.values, poison)
    worst = Comparison(0.0, 0.0, -1)
    for found in spread(
        lambda begin, end: _compare_span(stored, dtype, expected, poison, begin, end), stored.size, CHUNK
    ):
        if found.guard:
            return found
        if found.max_rel_error > worst.max_rel_error:
            worst = replace(found, max_abs_error=max(worst.max_abs_error, found.max_abs_error))
        elif found.max_abs_error > worst.max_abs_error:
            worst = replace(worst, max_abs_error=found.max_abs_error)
    return worst


def _compare_span(stored: Array, dtype: str, expected: Expected, poison: int, first: int, last: int) -> Comparison:
    """The elements from ``first`` up to ``last``, piece by piece."""
    worst_abs, worst_rel, worst_index = 0.0, 0.0, -1
    size = expected.values.dtype.itemsize
    error = np.empty(CHUNK, dtype=f"f{size}")
    limit = np.empty(CHUNK, dtype=f"f{size}")
    with np.errstate(all="ignore"):
        for begin in range(first, last, CHUNK):
            end = min(begin + CHUNK, last)
            own, wanted = decode(stored[begin:end], dtype), expected.values[begin:end]
            off = np.subtract(own, wanted, out=error[: end - begin])
            np.abs(off, out=off)
            largest = float(off.max())
            units = np.divide(off, _tolerance(expected.tolerance, begin, wanted, limit), out=off)
            top = float(units.max())
            if not top <= 1.0:
                found = _look_closely(stored[begin:end], dtype, expected, begin, poison)
                if found.guard:
                    return found
                largest, top = found.max_abs_error, found.max_rel_error
                place = found.worst_index
            else:
                place = begin + int(units.argmax()) if top > worst_rel else worst_index
            worst_abs = max(worst_abs, largest)
            if top > worst_rel:
                worst_rel, worst_index = top, place
    return Comparison(worst_abs, worst_rel, worst_index)


def _tolerance(tolerance: Array | Allowance, begin: int, wanted: Array, room: Array) -> Array:
    """What each of the elements from ``begin`` on may be off ``wanted``."""
    if not isinstance(tolerance, Allowance):
        return tolerance[begin : begin + wanted.size]
    limit: Array = np.abs(wanted, out=room[: wanted.size])
    limit *= limit.dtype.type(tolerance.relative)
    # Where the reference is exact and zero is expected, nothing would be allowed, and 0 / 0 is no number of units.
    limit += max(limit.dtype.type(tolerance.absolute), np.finfo(limit.dtype).tiny)
    return limit


def _look_closely(stored: Array, dtype: str, expected: Expected, begin: int, poison: int) -> Comparison:
    """One piece in which something is NaN, infinite or too far off."""
    end = begin + stored.size
    untouched = _bits(stored) == poison
    if untouched.any():  # also where NaN is expected: poison is one that no arithmetic makes
        return _unwritten(stored, poison, begin, int(untouched.argmax()))
    own = decode(stored, dtype).astype(np.float64)
    wanted = expected.values[begin:end].astype(np.float64)
    same_kind = _same_kind(own, wanted)
    if expected.otherwise is not None:
        otherwise = expected.otherwise[begin:end].astype(np.float64)
        same_kind |= _same_kind(own, otherwise)
        wanted = np.where(np.isfinite(wanted), wanted, otherwise)  # the one number there is to compare with
    if not same_kind.all():
        where = int(np.flatnonzero(~same_kind)[0])
        return Comparison(
            float("inf"),
            float("inf"),
            begin + where,
            "not_finite",
            f"element {begin + where} is {own[where]:.9g}, expected {wanted[where]:.9g}",
        )
    # Where the alternative is the only number, it is what the allowance is relative to.
    wanted = wanted.astype(expected.values.dtype)
    limit = _tolerance(expected.tolerance, begin, wanted, np.empty_like(wanted)).astype(np.float64)
    finite = np.isfinite(own) & np.isfinite(wanted)
    error = np.where(finite, np.abs(own - wanted), 0.0)
    units = np.where(finite, error / limit, 0.0)
    where = int(units.argmax())
    top = float(units[where])
    if top <= 1.0:
        return Comparison(float(error.max()), top, begin + where if top > 0 else -1)
    wrong = int((units > 1.0).sum())
    return Comparison(
        float(error.max()),
        top,
        begin + where,
        "wrong_result",
        f"element {begin + where} is {own[where]:.9g}, expected {wanted[where]:.9g} ± {limit[where]:.3g} "
        f"({wrong} of {stored.size} near it are off)",
    )


def _same_kind(own: Array, wanted: Array) -> Array:
    """Where both are finite, both NaN, or the same infinity."""
    finite = np.isfinite(own) & np.isfinite(wanted)
    kind: Array = finite | (np.isnan(own) & np.isnan(wanted)) | (own == wanted)
    return kind


def _compare_exact(stored: Array, wanted: Array, poison: int) -> Comparison:
    if np.array_equal(stored, wanted):
        return Comparison(0.0, 0.0, -1)
    wrong = np.flatnonzero(stored != wanted)
    where = int(wrong[0])
    if np.all(_bits(stored)[wrong] == poison):
        return _unwritten(stored, poison, 0, where)
    off = float(np.abs(stored[wrong].astype(np.float64) - wanted[wrong].astype(np.float64)).max())
    return Comparison(
        off,
        float("inf"),
        where,
        "wrong_result",
        f"element {where} is {stored[where]}, expected {wanted[where]} ({wrong.size} of {stored.size} differ)",
    )


def _unwritten(stored: Array, poison: int, begin: int, where: int) -> Comparison:
    count = int((_bits(stored) == poison).sum())
    return Comparison(
        float("inf"),
        float("inf"),
        begin + where,
        "unwritten_output",
        f"element {begin + where} was never written (as were {count} of {stored.size} near it)",
    )


def _bits(stored: Array) -> Array:
    return stored.view(f"u{stored.dtype.itemsize}")
