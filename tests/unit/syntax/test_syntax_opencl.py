"""OpenCL as a tree and back."""

from __future__ import annotations

import pytest

from warploom.problems.load import CATALOG
from warploom.syntax import launch, opencl, tune
from warploom.syntax.cpp.tree import Declare, Function, Loop, Unit
from warploom.syntax.dialect import dialect_of

SOURCE = """// One row.
TUNE(GROUP, 64, 64, 128)
LAUNCH(grid=(rows + GROUP - 1) // GROUP, block=GROUP)

static float twice(__global const float* p) {
    return 2.0f * p[0];
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void rows_of(__global const float* restrict x, __global float* out, long rows) {
    __local float tile[64];
    const long i = get_global_id(0);
    __global const float* row = x + i;
    for (long j = 0; j < rows; ++j) {
        out[i] += twice(x + j);
    }
}
"""


def kernel(unit: Unit) -> Function:
    return next(function for function in unit.functions if opencl.is_kernel(function))


def test_a_kernel_is_a_function_with_plain_pointers() -> None:
    found = kernel(opencl.read(SOURCE))
    assert found.name == "rows_of"
    assert [parameter.type for parameter in found.parameters] == ["const float* restrict", "float*", "long"]
    assert [type(one) for one in found.body] == [Declare, Declare, Declare, Loop]
    assert not opencl.is_kernel(opencl.read(SOURCE).function("twice"))


def test_the_text_comes_back_with_its_words() -> None:
    text = opencl.write(opencl.read(SOURCE))
    assert "__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void rows_of(" in text
    assert "(__global const float* restrict x, __global float* out, long rows)" in text
    assert "    __local float tile[64];" in text
    assert "static float twice(__global const float* p)" in text
    assert "    __global const float* row = x + i;" in text
    assert launch.read(text, ["rows"], {"GROUP": 64}, ("grid", "block")).block == (64,)
    assert [line.name for line in tune.declared(text)] == ["GROUP"]


@pytest.mark.parametrize("seed", sorted(CATALOG.glob("*/seed.cl")), ids=lambda path: path.parent.name)
def test_every_seed_is_read_whole(seed: object) -> None:
    text = seed.read_text()  # type: ignore[attr-defined]
    unit = opencl.read(text)
    assert len(unit.functions) == 1
    assert opencl.read(opencl.write(unit)) == unit


def test_a_language_without_a_tree_stays_as_it_is() -> None:
    text = "@triton.jit\ndef f(x): pass\n"
    unit = dialect_of("triton").read(text)
    assert not unit.functions
    assert dialect_of("triton").write(unit) == text


def test_the_dialect_of_a_language_is_its_own() -> None:
    assert opencl.is_kernel(dialect_of("opencl").read(SOURCE).function("rows_of"))
    assert "int f()" in dialect_of("cpp").write(dialect_of("cpp").read("int f() { return 1; }"))
