"""HIP by clang: what the compiler says of kernels whose answers are known. No GPU is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from warploom.errors import ToolchainError
from warploom.toolchain import hip
from warploom.toolchain.gpu_bundle import read_bundle
from warploom.toolchain.hip import HipToolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature
from warploom.values.target import parse_target

SIGNATURE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
HEAD = "LAUNCH(grid=(n + 255) // 256, block=256)\n#include <stdint.h>\n"
DEFINITION = 'extern "C" __global__ void scale(const float* x, float* out, int64_t n)'
PLAIN = f"{HEAD}{DEFINITION} {{\n  int64_t i = blockIdx.x * 256 + threadIdx.x;\n  if (i < n) out[i] = 2 * x[i];\n}}\n"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    hip._found.cache_clear()
    yield
    hip._found.cache_clear()


@pytest.fixture
def present() -> None:
    try:
        hip._found()
    except ToolchainError as error:
        pytest.skip(str(error))


def make(source: str, cache: Path, target: str = "hip:gfx942", flags: tuple[str, ...] = ()) -> Build | Failed:
    toolchain = HipToolchain(parse_target(target).architectures)
    return toolchain.build(Candidate("0" * 16, "hip", (("kernel.hip", source),), "scale", (), flags), SIGNATURE, cache)


def build(source: str, cache: Path, target: str = "hip:gfx942") -> Build:
    made = make(source, cache, target)
    assert isinstance(made, Build), made
    return made


def failure(source: str, cache: Path) -> Failed:
    made = make(source, cache)
    assert isinstance(made, Failed), made
    return made


def compiler(folder: Path, version: str, targets: str, linker: str) -> None:
    """A clang that only says what it is."""
    folder.mkdir()
    path = folder / "clang-22"
    path.write_text(
        f'#!/bin/sh\ncase "$1" in\n--version) echo "clang version {version}";;\n'
        f'--print-targets) echo "{targets}";;\n*) echo "{linker}";;\nesac\n'
    )
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "targets", "linker", "said"),
    [
        ("16.0.6", "amdgcn", "/usr/bin/ld.lld", "too old"),
        ("22.1.8", "x86", "/usr/bin/ld.lld", "no back end"),
        ("22.1.8", "amdgcn", "ld.lld", "no linker"),
        ("22.1.8", "amdgcn", "/usr/bin/ld.lld", ""),
    ],
)
def test_a_compiler_that_cannot_do_it_is_named(
    version: str, targets: str, linker: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path / "bin", version, targets, linker)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    toolchain = HipToolchain(parse_target("hip").architectures)
    if not said:
        assert toolchain.version() == "clang 22.1.8"
        return
    with pytest.raises(ToolchainError, match=f"{said}.*apt-get install clang-22 lld-22"):
        toolchain.version()


def test_no_compiler_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"clang was not found.*apt-get install clang-22 lld-22"):
        HipToolchain(parse_target("hip").architectures).version()


@pytest.mark.usefixtures("present")
def test_it_builds_for_several_architectures(tmp_path: Path) -> None:
    made = build(PLAIN, tmp_path, "hip:gfx942,gfx90a,gfx1100")
    assert made.facts["targets_built"] == 3
    bundle = read_bundle(Path(made.artifact))
    assert all(data.startswith(b"\x7fELF") for data in bundle.data.values())
    assert (made.facts["global_loads"], made.facts["global_stores"], made.facts["threads"]) == (1, 1, 256)
    assert (made.facts["spill_bytes"], made.facts["occupancy_percent"]) == (0, 100)
    assert 0 < made.facts["registers"] <= 16


@pytest.mark.usefixtures("present")
def test_shared_memory_and_barriers_are_seen(tmp_path: Path) -> None:
    source = PLAIN.replace(
        "  if (i", "  __shared__ float s[1000];\n  s[threadIdx.x] = x[i];\n  __syncthreads();\n  if (i"
    )
    made = build(
        source.replace("2 * x[i]", "s[255 - threadIdx.x]").replace("block=256", "block=256, shared=96"), tmp_path
    )
    assert made.facts["shared_bytes"] == 4000 + 96
    assert made.facts["barriers"] >= 1
    assert made.facts["shared_accesses"] >= 2


@pytest.mark.usefixtures("present")
def test_the_compiler_knows_how_many_threads_share_the_registers(tmp_path: Path) -> None:
    """512 registers a lane and SIMD: 1024 threads are four waves on each, so 128 a thread."""
    loop = "for (int k = 0; k < 160; k++)"
    body = f"float a[160];\n{loop} a[k] = x[threadIdx.x + 64 * k];\n__syncthreads();\n"
    body += f"for (int r = 0; r < n; r++)\n{loop} a[k] = a[k] * a[(k + 7) % 160] + a[(k + 31) % 160];\n"
    body += f"{loop} out[threadIdx.x + 64 * k] = a[k];"
    source = f"{HEAD}{DEFINITION} {{\n{body}\n}}\n"
    few = build(source.replace("block=256", "block=64"), tmp_path).facts
    many = build(source.replace("block=256", "block=1024"), tmp_path).facts
    assert few["registers"] > 160
    assert few["spill_bytes"] == 0
    assert many["registers"] <= 128
    assert many["spill_bytes"] > 0


@pytest.mark.usefixtures("present")
def test_matrix_instructions_are_seen(tmp_path: Path) -> None:
    body = """
  typedef float f4 __attribute__((ext_vector_type(4)));
  f4 c = {0, 0, 0, 0};
  c = __builtin_amdgcn_mfma_f32_16x16x4f32(x[threadIdx.x], x[threadIdx.x + 64], c, 0, 0, 0);
  out[threadIdx.x] = c[0] + c[3];
"""
    assert build(f"{HEAD}{DEFINITION} {{{body}}}\n", tmp_path).facts["matrix_instructions"] == 1


@pytest.mark.usefixtures("present")
@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("const float* x", "const double* x", "rejected", DEFINITION),
        ("int64_t n)", "int n)", "rejected", DEFINITION),
        ("void scale(", "void other(", "rejected", DEFINITION),
        ("2 * x[i]", "nothing", "compile_error", "kernel.hip:5:23: error: use of undeclared identifier 'nothing'"),
        (
            "  if (i",
            "  __shared__ float s[17000];\n  s[i] = x[i];\n  __syncthreads();\n  if (s[n]",
            "rejected",
            "at most 65536",
        ),
        ("block=256", "block=256, shared=65537", "rejected", "gfx942 has 65536"),
        ("__global__ void", "__global__ __launch_bounds__(128) void", "rejected", "__launch_bounds__ says 128"),
    ],
)
def test_what_cannot_be_built_is_said(old: str, new: str, kind: str, said: str, tmp_path: Path) -> None:
    failed = failure(PLAIN.replace(old, new) + "// scale()\n", tmp_path)
    assert (failed.stage, failed.kind) == ("build", kind), failed
    assert said in failed.message
