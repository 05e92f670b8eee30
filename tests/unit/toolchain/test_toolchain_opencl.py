"""OpenCL on PoCL: what is built is called here and must do what OpenCL says."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from warploom.errors import ToolchainError
from warploom.problems.load import CATALOG, load_problem
from warploom.toolchain import opencl, opencl_find
from warploom.toolchain.opencl import OpenClToolchain
from warploom.toolchain.opencl_find import HOW_TO_GET, Pocl, find_pocl
from warploom.toolchain.opencl_launch import launcher
from warploom.values.candidate import Candidate
from warploom.values.launch import Launch
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature, signature

present = pytest.mark.skipif(find_pocl() is None, reason=f"PoCL is not installed: {HOW_TO_GET}")

SIGNATURE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
DEFINITION = "__kernel void scale(__global const float* x, __global float* out, long n)"
HEAD = "LAUNCH(grid=(n + 63) // 64, block=64)\n"
PLAIN = f"{HEAD}{DEFINITION} {{\n  long i = get_global_id(0);\n  if (i < n) out[i] = 2 * x[i];\n}}\n"

Floats = npt.NDArray[np.float32]


def make(
    source: str, cache: Path, wanted: Signature = SIGNATURE, flags: tuple[str, ...] = (), file: str = "kernel.cl"
) -> Build | Failed:
    candidate = Candidate("0" * 16, "opencl", ((file, source),), wanted.entry_point, (), flags)
    return OpenClToolchain().build(candidate, wanted, cache)


def build(source: str, cache: Path, **options: Any) -> Build:
    made = make(source, cache, **options)
    assert isinstance(made, Build), made
    return made


def failure(source: str, cache: Path, **options: Any) -> Failed:
    made = make(source, cache, **options)
    assert isinstance(made, Failed), made
    return made


def call(made: Build, *arguments: npt.NDArray[Any] | int, name: str = "scale") -> None:
    """Call the library as a worker does."""
    words = [ctypes.c_int64(one) if isinstance(one, int) else one.ctypes.data_as(ctypes.c_void_p) for one in arguments]
    ctypes.CDLL(made.artifact)[name](*words)


# ------------------------------------------------------------ without PoCL


def test_an_absent_pocl_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencl, "find_pocl", lambda: None)
    with pytest.raises(ToolchainError, match=r"pip install 'warploom\[opencl\]'"):
        OpenClToolchain().version()


def test_a_broken_pocl_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libOpenCL.so.1").write_bytes(b"no library")
    broken = Pocl(str(tmp_path / "libOpenCL.so.1"), str(tmp_path / "libpocl.so"), (str(tmp_path),))
    monkeypatch.setattr(opencl, "find_pocl", lambda: broken)
    with pytest.raises(ToolchainError, match=r"libpocl.so does not work: .*install it again"):
        OpenClToolchain().version()


def test_a_pocl_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencl, "_ask", lambda *_: {"version": "OpenCL 1.2 pocl PoCL 1.8  Linux, LLVM 12.0.1"})
    opencl._version.cache_clear()
    with pytest.raises(ToolchainError, match=r"is 1\.8; 3\.0 or newer is needed"):
        opencl._version(Pocl("loader", "driver", ()))


def test_the_package_is_found_before_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package, data = tmp_path / "pyopencl", tmp_path / "pocl_binary_distribution"
    for folder in (package / ".libs", data / ".libs"):
        folder.mkdir(parents=True)
    (package / ".libs" / "libOpenCL-1.so.1").touch()
    (package / ".libs" / "libpocl-2.so").touch()
    monkeypatch.setattr(opencl_find, "_places", lambda name: [tmp_path / name])
    found = find_pocl()
    assert found == Pocl(
        str(package / ".libs" / "libOpenCL-1.so.1"),
        str(package / ".libs" / "libpocl-2.so"),
        (str(package / ".libs"), str(data / ".libs")),
    )
    (package / ".libs" / "libpocl-2.so").unlink()
    monkeypatch.setattr(opencl_find, "_VENDORS", tmp_path)
    assert find_pocl() is None


def test_the_entry_point_is_declared_with_opencls_types() -> None:
    every = ("float16", "bfloat16", "int8", "uint8", "bool", "int64", "float64")
    many = Signature("many", tuple(Argument(f"a{at}", dtype, "output") for at, dtype in enumerate(every)))
    said = OpenClToolchain().declaration(many)
    kinds = ("half", "ushort", "char", "uchar", "uchar", "long", "double")
    assert said == f"__kernel void many({', '.join(f'__global {kind}* a{at}' for at, kind in enumerate(kinds))})"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (PLAIN.replace(HEAD, ""), "no LAUNCH lines"),
        (PLAIN.replace("block=64", "block=64, shared=64"), "LAUNCH knows no shared"),
        (PLAIN.replace("scale(", "other("), f"the source needs {DEFINITION}"),
        (PLAIN + "".join(f"__local float a{at}[1];\n" for at in range(17)), "16 arrays in local memory"),
    ],
)
def test_what_the_text_breaks_is_said_before_anything_runs(source: str, said: str, tmp_path: Path) -> None:
    failed = failure(source, tmp_path)
    assert (failed.stage, failed.kind) == ("source", "rejected")
    assert said in failed.message


def test_the_launcher_divides_as_the_launch_line_says() -> None:
    launch = Launch(("(n+WIDTH-1)//WIDTH", "n%3", "1"), (8, 2, 1), 0, {"WIDTH": 4, "OTHER": 9})
    text = launcher(SIGNATURE, launch, 0, 3)
    assert "{int64_t((n+WIDTH-1)/WIDTH), int64_t(n%3), int64_t(1)}" in text
    assert "const int64_t WIDTH = 4;" in text
    assert "OTHER" not in text
    assert "local[0] = 8" in text
    assert "local[1] = 2" in text


# ------------------------------------------------------------ with PoCL


@present
def test_a_kernel_does_what_it_says(tmp_path: Path) -> None:
    made = build(PLAIN, tmp_path)
    x, out = np.arange(1000, dtype=np.float32), np.zeros(1000, np.float32)
    call(made, x, out, 1000)
    assert (out == 2 * x).all()
    assert made.toolchain.startswith("pocl ")
    assert made.facts["threads"] == 64
    assert made.facts["shared_bytes"] == 0
    assert made.facts["instructions"] > 10


@present
def test_a_work_item_knows_its_place_in_three_dimensions(tmp_path: Path) -> None:
    where = Signature("where", (Argument("out", "int64", "output"), Argument("n", "int64", "axis")))
    source = """LAUNCH(grid=(n, n + 1, 3), block=(4, 2, 1))
__kernel void where(__global long* out, long n) {
    long at = (get_global_id(2) * get_global_size(1) + get_global_id(1)) * get_global_size(0) + get_global_id(0);
    __global long* mine = out + 8 * at;
    mine[0] = get_group_id(0); mine[1] = get_group_id(1); mine[2] = get_group_id(2);
    mine[3] = get_local_id(0); mine[4] = get_local_id(1);
    mine[5] = get_num_groups(0); mine[6] = get_num_groups(1); mine[7] = get_local_size(0) + 10 * get_local_size(1);
}
"""
    made = build(source, tmp_path, wanted=where)
    out = np.full((3, 2 * 6, 4 * 5, 8), -1, np.int64)
    call(made, out, 5, name="where")
    z, y, x = np.meshgrid(range(3), range(12), range(20), indexing="ij")
    expected = [x // 4, y // 2, z, x % 4, y % 2, np.full_like(x, 5), np.full_like(x, 6), np.full_like(x, 24)]
    assert (out == np.stack(expected, axis=-1)).all()


@present
def test_arrays_in_local_memory_are_apart_and_barriers_hold(tmp_path: Path) -> None:
    body = """{
    __local float a[64];
    __local float b[64];
    long i = get_global_id(0), me = get_local_id(0);
    a[me] = i < n ? x[i] : 0;
    b[me] = 100;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i < n) out[i] = a[63 - me] + b[(me + 1) % 64];
}
"""
    made = build(f"{HEAD}{DEFINITION} {body}", tmp_path)
    x, out = np.arange(640, dtype=np.float32), np.zeros(640, np.float32)
    for _ in range(3):
        call(made, x, out, 640)
    assert (out == x.reshape(10, 64)[:, ::-1].reshape(-1) + 100).all()
    assert made.facts["shared_bytes"] == 512


@present
def test_local_memory_that_the_device_has_not_is_rejected(tmp_path: Path) -> None:
    body = "{ __local float a[1 << 22]; a[get_local_id(0)] = 1; barrier(CLK_LOCAL_MEM_FENCE); out[0] = a[n]; }\n"
    failed = failure(f"{HEAD}{DEFINITION} {body}", tmp_path)
    assert failed.kind == "rejected"
    assert failed.message.startswith("16777216 bytes of local memory a work-group; this device has ")


@present
def test_a_work_group_that_is_too_large_is_rejected(tmp_path: Path) -> None:
    failed = failure(PLAIN.replace("block=64", "block=(1024, 1024)"), tmp_path)
    assert failed.kind == "rejected"
    assert "1048576 work-items a work-group; this device takes " in failed.message


@present
def test_two_sizes_of_a_work_group_are_rejected(tmp_path: Path) -> None:
    required = PLAIN.replace("__kernel void", "__kernel __attribute__((reqd_work_group_size(32, 1, 1))) void")
    failed = failure(required, tmp_path)
    assert failed.kind == "rejected"
    assert "reqd_work_group_size(32, 1, 1) in the source, block=(64, 1, 1)" in failed.message
    assert isinstance(make(required.replace("(32, 1, 1)", "(64, 1, 1)"), tmp_path), Build)


@present
def test_a_function_that_is_no_kernel_is_rejected(tmp_path: Path) -> None:
    failed = failure(PLAIN.replace("__kernel void scale(", "void not_scale(") + "// scale(\n", tmp_path)
    assert failed.kind in ("rejected", "compile_error")
    assert "scale" in failed.message


@present
def test_the_first_error_names_the_candidates_own_line(tmp_path: Path) -> None:
    broken = PLAIN.replace("2 * x[i]", "two * x[i]")
    failed = failure(broken, tmp_path, file="mine.cl")
    assert failed.message.startswith("mine.cl:4:")
    assert "two" in failed.message


@present
def test_flags_reach_the_compiler(tmp_path: Path) -> None:
    sum_up = f"LAUNCH(grid=1, block=1)\n{DEFINITION} {{ float s = 0; for (long i = 0; i < n; ++i) s += x[i]; out[0] = s; }}\n"
    plain, fast = build(sum_up, tmp_path), build(sum_up, tmp_path, flags=("-cl-fast-relaxed-math",))
    assert plain.facts["instructions"] != fast.facts["instructions"]
    assert "-cl-fast-relaxed-math" in fast.command


@present
def test_nothing_is_read_but_the_candidates_own_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h"
    secret.write_text("#define SECRET 1\n")
    failed = failure(f'#include "{secret}"\n{PLAIN}', tmp_path / "cache")
    assert failed.kind == "compile_error"
    assert "not found" in failed.message


@present
def test_the_kernel_of_the_documentation_is_taken(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "gpu.md").read_text()
    (source,) = re.findall(r"```opencl\n(.*?)```", page, re.DOTALL)
    x, out = np.arange(100, dtype=np.float32), np.zeros(100, np.float32)
    call(build(source, tmp_path), x, out, 100)
    assert (out == 2 * x).all()


def test_the_documentation_names_every_flag() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "gpu.md").read_text()
    flags = set(re.findall(r"`(-cl-[\w-]+)`", page))
    assert flags == {flag for flag in flags if opencl._FLAGS.fullmatch(flag)}
    assert len(flags) == 6


@present
@pytest.mark.parametrize("problem", sorted(path.parent.name for path in CATALOG.glob("*/seed.cl")))
def test_every_shipped_seed_builds(problem: str, tmp_path: Path) -> None:
    made = build((CATALOG / problem / "seed.cl").read_text(), tmp_path, wanted=signature(load_problem(problem)))
    assert made.facts["shared_bytes"] == 0
