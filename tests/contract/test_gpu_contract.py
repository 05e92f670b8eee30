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

TRITON = """import triton
import triton.language as tl

TUNE(BLOCK, 1024, 512, 1024)
LAUNCH(grid=(n + BLOCK - 1) // BLOCK)


@triton.jit
def scale(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, 2 * tl.load(x + i, mask=i < n), mask=i < n)
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
    "hip": ToolchainExample(
        toolchain=find_toolchain("hip"),
        signature=SCALE,
        source=CUDA,
        tune=("THREADS", 256, 128),
        broken=CUDA.replace("2 * x[i]", "nothing * x[i]"),
        other_signature=CUDA.replace("int64_t n)", "int n)"),
        bad_flag="-fplugin=evil.so",
        file="kernel.hip",
        declaration='extern "C" __global__ void scale(const float* x, float* out, int64_t n)',
    ),
    "triton": ToolchainExample(
        toolchain=find_toolchain("triton"),
        signature=SCALE,
        source=TRITON,
        tune=("BLOCK", 1024, 512),
        broken=TRITON.replace("2 * tl.load", "nothing * tl.load"),
        other_signature=TRITON.replace("scale(x, out, n", "scale(out, x, n"),
        bad_flag="--fast",
        file="kernel.py",
        declaration="@triton.jit def scale(x, out, n, …: tl.constexpr)",
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
