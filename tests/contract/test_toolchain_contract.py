"""The shipped contract, over every toolchain."""

from __future__ import annotations

import shutil

import pytest

from warploom.testing.toolchain_contract import ToolchainContract, ToolchainExample
from warploom.toolchain.cpp import CppToolchain
from warploom.values.signature import Argument, Signature

SOURCE = """#include <stdint.h>
TUNE(BLOCK, 8, 8, 16)
extern "C" void scale(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = BLOCK * x[i];
}
"""


@pytest.fixture(params=["g++", "clang++"])
def example(request: pytest.FixtureRequest) -> ToolchainExample:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed here")
    arguments = (
        Argument("x", "float32", "input"),
        Argument("out", "float32", "output"),
        Argument("n", "int64", "axis"),
    )
    return ToolchainExample(
        toolchain=CppToolchain(request.param),
        signature=Signature("scale", arguments),
        source=SOURCE,
        tune=("BLOCK", 8, 16),
        broken=SOURCE.replace("out[i] =", "out[i] +" + "= nothing *"),
        other_signature=SOURCE.replace("int64_t n)", "int n)"),
        bad_flag="-fplugin=/tmp/evil.so",
    )


class TestCpp(ToolchainContract):
    pass
