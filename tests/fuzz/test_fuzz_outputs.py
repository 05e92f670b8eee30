"""Outputs after accidents: the judge accepts exactly what a plain rule, written down once more here, accepts."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from warploom.judge.comparison.compare import Allowance, Expected
from warploom.judge.content.guards import poison
from warploom.judge.content.inputs import decode
from warploom.judge.content.layout import STORAGE, Layout, Region, view
from warploom.judge.correctness.oracle import inspect
from warploom.sandbox.buffers import SharedBuffer
from warploom.testing.fuzz import Target, WrongPass
from warploom.values.problem import FLOATS, ITEM_BYTES

GUARD = 256
ODD = (0.0, -0.0, math.nan, math.inf, -math.inf, 1e-40, 3.4e38, -3.4e38, 1.0, -1.0)
SLACK = 1e-5
Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Case:
    """One call's outputs: what they should be, where the kernel strays, and the seed of how."""

    dtypes: tuple[str, ...]
    counts: tuple[int, ...]
    seed: int


def draw_case(rng: random.Random) -> Case:
    dtypes = tuple(rng.choice(tuple(ITEM_BYTES)) for _ in range(rng.randint(1, 3)))
    return Case(dtypes, tuple(rng.choice((1, 2, 63, 64, 200)) for _ in dtypes), rng.getrandbits(32))


def lay_out(case: Case) -> Layout:
    regions, offset = [], GUARD
    for place, (dtype, count) in enumerate(zip(case.dtypes, case.counts, strict=True)):
        size = count * ITEM_BYTES[dtype]
        regions.append(Region(f"out{place}", dtype, (count,), offset, size))
        offset = -(-(offset + size) // 64) * 64 + GUARD
    return Layout(tuple(regions), offset)


def stored(values: Array, dtype: str) -> Array:
    """Numbers as an output holds them."""
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            return (values.astype("f4").view("u4") >> np.uint32(16)).astype("u2")
        if dtype == "float16":
            return values.astype("f2").view("u2")
        return values.astype(STORAGE[dtype])


def expect(dtype: str, count: int, rng: np.random.Generator) -> Expected:
    if dtype not in FLOATS:
        high = 2 if dtype == "bool" else 100
        return Expected(rng.integers(0, high, count).astype(STORAGE[dtype]), np.zeros(count, "f4"))
    kind = "f8" if dtype == "float64" else "f4"
    values = rng.standard_normal(count).astype(kind)
    if rng.random() < 0.4:
        values[rng.integers(count)] = rng.choice(ODD)
    values = decode(stored(values, dtype), dtype).astype(kind)
    other = None
    if rng.random() < 0.3:
        other = values.copy()
        other[rng.integers(count)] = rng.choice(ODD)
    if rng.random() < 0.4:
        return Expected(values, Allowance(float(rng.choice((0.0, 1e-3, 1.0))), float(rng.choice((0.0, 1e-2)))), other)
    return Expected(values, np.abs(rng.standard_normal(count)).astype(kind) * kind_level(rng) + 1e-30, other)


def kind_level(rng: np.random.Generator) -> float:
    return float(rng.choice((1e-6, 1e-2, 1.0)))


def right(own: float, targets: list[tuple[float, float]], slack: float) -> bool:
    """The rule for one number: near one of the targets, each with its tolerance, widened by a share of it."""
    for target, limit in targets:
        if (math.isnan(own) and math.isnan(target)) or own == target:
            return True
        if math.isfinite(own) and math.isfinite(target) and abs(own - target) <= limit * (1 + slack):
            return True
    return False


def all_right(found: Array, dtype: str, wanted: Expected, slack: float) -> bool:
    if dtype not in FLOATS:
        return bool(np.array_equal(found, wanted.values))
    with np.errstate(invalid="ignore"):  # a NaN that signals
        numbers = decode(found, dtype).astype("f8").tolist()
    values = wanted.values.astype("f8").tolist()
    others = values if wanted.otherwise is None else wanted.otherwise.astype("f8").tolist()
    least = float(np.finfo(wanted.values.dtype).tiny)

    def limit(place: int, target: float) -> float:
        if isinstance(wanted.tolerance, Allowance):
            return max(wanted.tolerance.absolute, least) + wanted.tolerance.relative * abs(target)
        return float(wanted.tolerance[place])

    for place, (own, value, other) in enumerate(zip(numbers, values, others, strict=True)):
        targets = [value] if math.isfinite(value) and math.isfinite(other) else [value, other]
        if not right(own, [(target, limit(place, target)) for target in targets], slack):
            return False
    return True


def check_case(case: Case) -> str:
    rng = np.random.default_rng(case.seed)
    layout = lay_out(case)
    expected = [expect(region.dtype, region.count, rng) for region in layout.regions]
    with SharedBuffer(layout.size_bytes) as buffer:
        laid = poison(buffer, layout, rng)
        memory = np.frombuffer(buffer.memory, dtype=np.uint8)
        written = rng.random() > 0.05
        for region, wanted in zip(layout.regions, expected, strict=True):
            if written:
                write(view(buffer, region), region, wanted, rng)
        stood = True
        if rng.random() < 0.2:
            begin, end = layout.gaps[rng.integers(len(layout.gaps))]
            place = begin + int(rng.integers(end - begin))
            stood = bool(memory[place] == (changed := rng.integers(256)))
            memory[place] = changed
        _, rejection = inspect(buffer, layout, laid, expected)
        outputs = [view(buffer, region).copy() for region in layout.regions]
        del memory
        untouched = any(
            (output.view(f"u{output.dtype.itemsize}") == word).any() and region.dtype in FLOATS
            for output, word, region in zip(outputs, laid.words, layout.regions, strict=True)
        )
    strictly, loosely = (
        all(
            all_right(output, r.dtype, wanted, slack)
            for output, r, wanted in zip(outputs, layout.regions, expected, strict=True)
        )
        for slack in (-SLACK, SLACK)
    )
    if rejection is None and not (stood and loosely and not untouched):
        raise WrongPass(f"wrong outputs were accepted: {case}")
    assert rejection is None or not (stood and strictly and not untouched), f"right outputs were refused: {rejection}"
    return "accepted" if rejection is None else rejection[0]


def write(room: Array, region: Region, wanted: Expected, rng: np.random.Generator) -> None:
    """What is expected, but up to three elements go wrong, some by a hair."""
    room[:] = stored(wanted.values, region.dtype)
    for _ in range(rng.integers(4) if rng.random() < 0.7 else 0):
        place = int(rng.integers(region.count))
        bits = room.view(f"u{room.dtype.itemsize}")
        if rng.random() < 0.4 or region.dtype not in FLOATS:
            bits[place] ^= bits.dtype.type(1 << int(rng.integers(8 * room.dtype.itemsize)))
            continue
        near = wanted.values[place : place + 1].astype("f8")
        limit = wanted.tolerance.absolute if isinstance(wanted.tolerance, Allowance) else float(wanted.tolerance[place])
        off = float(rng.choice((-1.5, -0.9, 0.5, 0.9, 1.1, 3.0))) * limit
        odd = np.array([rng.choice(ODD)])
        room[place : place + 1] = stored(odd if rng.random() < 0.3 else near + off, region.dtype)


TARGETS = (Target("outputs", draw_case, check_case, weight=12, few=300),)


def test_outputs_after_accidents() -> None:
    found = TARGETS[0].short_run()
    assert set(found) >= {"accepted", "wrong_result", "not_finite", "out_of_bounds", "unwritten_output"}


@pytest.mark.parametrize("own", [5.0, -5.0])
def test_a_number_where_the_oracle_has_none_must_be_the_reference_s_own(own: float) -> None:
    """Found: where float64 gives NaN and the reference a number, any number at all was right."""
    region = Region("out", "float32", (2,), GUARD, 8)
    layout = Layout((region,), 2 * GUARD + 64)
    tolerance = np.full(2, 0.1, "f4")
    expected = Expected(np.array([1, np.nan], "f4"), tolerance, np.array([1, 4.95], "f4"))
    with SharedBuffer(layout.size_bytes) as buffer:
        laid = poison(buffer, layout, np.random.default_rng(0))
        view(buffer, region)[:] = [1, own]
        _, rejection = inspect(buffer, layout, laid, [expected])
    assert (rejection is None) == (own == 5.0)
