"""The shipped contract, over the toolchains for GPUs that are installed; none of them needs a GPU."""

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

CUDA = """TUNE(THREADS, 256, 128, 256)
LAUNCH(grid=(n + THREADS - 1) // THREADS, block=THREADS)
extern "C" __global__ void scale(const float* __restrict__ x, float* __restrict__ out, int64_t n) {
    int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x;
    if (i < n) out[i] = 2 * x[i];
}
"""

EXAMPLES = {
    "cuda": ToolchainExample(
        toolchain=find_toolchain("cuda"),
        signature=SCALE,
        source=CUDA,
        tune=("THREADS", 256, 128),
        broken=CUDA.replace("2 * x[i]", "nothing * x[i]"),
        other_signature=CUDA.replace("int64_t n)", "int n)"),
        bad_flag="--dlink-time-opt",
        file="kernel.cu",
        declaration='extern "C" __global__ void scale(const float* x, float* out, int64_t n)',
    ),
}


@pytest.fixture(params=list(EXAMPLES))
def example(request: pytest.FixtureRequest) -> ToolchainExample:
    found = EXAMPLES[request.param]
    try:
        found.toolchain.version()
    except ToolchainError as error:
        pytest.skip(str(error))
    return found


class TestGpu(ToolchainContract):
    pass
