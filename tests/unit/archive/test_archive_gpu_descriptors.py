"""Kinds of GPU kernels, from the facts of their builds."""

from __future__ import annotations

import pytest

from warploom.archive.descriptors import describe
from warploom.values.candidate import Candidate


@pytest.mark.parametrize(
    ("facts", "levels"),
    [
        ({}, (0, 1, 0)),
        ({"wide_accesses": 2, "shuffles": 5}, (1, 1, 1)),
        ({"wide_accesses": 2, "shared_bytes": 64, "barriers": 1}, (2, 1, 2)),
        ({"shared_bytes": 64, "async_copies": 4, "matrix_instructions": 8, "barriers": 1, "shuffles": 1}, (3, 3, 3)),
        ({"sm_80.matrix_instructions": 8}, (0, 1, 0)),
    ],
)
@pytest.mark.parametrize("language", ["cuda", "triton", "hip"])
def test_a_gpu_kernel_is_described_by_what_its_compiler_made(
    language: str, facts: dict[str, int], levels: tuple[int, int, int]
) -> None:
    candidate = Candidate("0" * 16, language, (("kernel", "// float4 shuffles, says who wrote it"),), "kernel")
    assert describe(candidate, facts) == levels


def test_a_kernel_for_the_processor_is_not_described_by_them() -> None:
    text = 'extern "C" void kernel(float* x, long n) { for (long i = 0; i < n; ++i) x[i] = 1; }'
    candidate = Candidate("0" * 16, "cpp", (("kernel.cpp", text),), "kernel")
    assert describe(candidate, {"matrix_instructions": 8})[1] != 3
