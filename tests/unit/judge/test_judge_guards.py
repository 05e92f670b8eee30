"""Poison and guard zones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from warploom.judge.content.guards import overwritten, poison
from warploom.judge.content.layout import Layout, output_layout, view
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import ITEM_BYTES, Problem, Reference, Tensor, Workload

PROBLEM = Problem(
    name="all_dtypes",
    axes=("n",),
    inputs={},
    outputs={dtype: Tensor("n", dtype) for dtype in ITEM_BYTES},
    reference=Reference("all.py", "all", ""),
    workloads=[Workload(n=33)],
)
LAYOUT: Layout = output_layout(PROBLEM, PROBLEM.workloads[0])


@pytest.fixture
def buffer() -> Iterator[SharedBuffer]:
    with SharedBuffer(LAYOUT.size_bytes) as held:
        yield held


def test_every_element_holds_the_pattern_and_the_pattern_is_new_each_time(buffer: SharedBuffer) -> None:
    rng = np.random.default_rng(1)
    first, second = poison(buffer, LAYOUT, rng), poison(buffer, LAYOUT, rng)
    assert first != second
    for region, word in zip(LAYOUT.regions, second.words, strict=True):
        values = view(buffer, region)
        assert (values.view(f"u{values.dtype.itemsize}") == word).all()


def test_floats_are_poisoned_with_nan_that_arithmetic_does_not_make(buffer: SharedBuffer) -> None:
    laid = poison(buffer, LAYOUT, np.random.default_rng(2))
    by_name = dict(zip((region.name for region in LAYOUT.regions), LAYOUT.regions, strict=True))
    assert np.isnan(view(buffer, by_name["float32"])).all()
    assert np.isnan(view(buffer, by_name["float64"])).all()
    assert np.isnan(view(buffer, by_name["float16"]).view(np.float16)).all()
    widened = view(buffer, by_name["bfloat16"]).astype(np.uint32) << 16
    assert np.isnan(widened.view(np.float32)).all()
    assert laid.words[0] not in (0x7FC0_0000, 0xFFC0_0000)


def test_guards_that_stand_are_silent(buffer: SharedBuffer) -> None:
    laid = poison(buffer, LAYOUT, np.random.default_rng(3))
    for region in LAYOUT.regions:
        view(buffer, region)[:] = 1
    assert overwritten(buffer, LAYOUT, laid) == ""


@pytest.mark.parametrize("index", range(len(LAYOUT.regions)))
def test_a_byte_too_far_is_seen(buffer: SharedBuffer, index: int) -> None:
    region = LAYOUT.regions[index]
    laid = poison(buffer, LAYOUT, np.random.default_rng(4))
    after = region.offset + region.size_bytes
    buffer.memory[after] ^= 0xFF
    assert overwritten(buffer, LAYOUT, laid) == f"1 byte behind the end of {region.name}"
    buffer.memory[after] ^= 0xFF
    buffer.memory[region.offset - 4] ^= 0xFF
    assert overwritten(buffer, LAYOUT, laid) == f"4 bytes before the start of {region.name}"
