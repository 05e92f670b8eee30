"""The shipped contract, over OpenCL on PoCL."""

from __future__ import annotations

import pytest

from warploom.errors import ToolchainError
from warploom.testing.toolchain_contract import ToolchainContract, ToolchainExample
from warploom.toolchain.find import find_toolchain
from warploom.values.signature import Argument, Signature

SCALE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)

SOURCE = """TUNE(GROUP, 64, 64, 128)
LAUNCH(grid=(n + GROUP - 1) // GROUP, block=GROUP)
__kernel void scale(__global const float* restrict x, __global float* restrict out, long n) {
    long i = get_global_id(0);
    if (i < n) out[i] = 2 * x[i];
}
"""


@pytest.fixture
def example() -> ToolchainExample:
    toolchain = find_toolchain("opencl")
    try:
        toolchain.version()
    except ToolchainError as error:
        pytest.skip(str(error))
    return ToolchainExample(
        toolchain=toolchain,
        signature=SCALE,
        source=SOURCE,
        tune=("GROUP", 64, 128),
        broken=SOURCE.replace("2 * x[i]", "nothing * x[i]"),
        other_signature=SOURCE.replace("long n)", "int n)"),
        bad_flag="-cl-no-such-thing",
        file="kernel.cl",
        declaration="__kernel void scale(__global const float* x, __global float* out, long n)",
    )


class TestOpenCl(ToolchainContract):
    pass
