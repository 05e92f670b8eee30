"""Scratch memory of a kernel in each language: taken by the gate, built, and right where a kernel can be run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from warploom.errors import ToolchainError
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.gpu_bundle import read_bundle
from warploom.toolchain.opencl import OpenClToolchain
from warploom.toolchain.triton import HOW_TO_GET, TritonToolchain
from warploom.toolchain.triton_interpreter import Array, InterpretedCall, interpret
from warploom.values.candidate import Candidate
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature
from warploom.values.target import parse_target

has_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason=f"Triton is not installed: {HOW_TO_GET}"
)
SIGNATURE = Signature(
    "total",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
CUDA = """TUNE(THREADS, 256, 128, 256)
LAUNCH(grid=(n + THREADS - 1) // THREADS, block=THREADS, workspace=4 * ((n + THREADS - 1) // THREADS + 1))
extern "C" __global__ void total(const float* x, float* out, int64_t n, float* workspace) {
    __shared__ float own[THREADS];
    __shared__ unsigned arrived;
    const int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x;
    own[threadIdx.x] = i < n ? x[i] : 0.0f;
    __syncthreads();
    if (threadIdx.x == 0) {
        float sum = 0.0f;
        for (int thread = 0; thread < THREADS; ++thread) sum += own[thread];
        workspace[blockIdx.x] = sum;
        __threadfence();
        arrived = atomicAdd(reinterpret_cast<unsigned*>(workspace + gridDim.x), 1u);
    }
    __syncthreads();
    if (arrived == gridDim.x - 1 && threadIdx.x == 0) {
        __threadfence();
        float sum = 0.0f;
        for (unsigned block = 0; block < gridDim.x; ++block) sum += workspace[block];
        out[0] = sum;
    }
}
"""
TRITON = """import triton
import triton.language as tl

TUNE(BLOCK, 1024, 512, 1024)
LAUNCH(grid=(n + BLOCK - 1) // BLOCK, workspace=4 * ((n + BLOCK - 1) // BLOCK + 1))


@triton.jit
def total(x, out, n, workspace, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    blocks = tl.cdiv(n, BLOCK)
    tl.store(workspace + tl.program_id(0), tl.sum(tl.load(x + i, mask=i < n, other=0.0), 0))
    tl.debug_barrier()
    counter = (workspace + blocks).to(tl.pointer_type(tl.int32))
    if tl.atomic_add(counter, 1) == blocks - 1:
        sums = 0.0
        for block in range(0, blocks):
            sums += tl.load(workspace + block)
        tl.store(out, sums)
"""
SOURCES = {"cuda": CUDA, "hip": CUDA, "triton": TRITON}


def candidate(language: str, source: str) -> Candidate:
    return Candidate("0" * 16, language, ((f"kernel{SUFFIXES[language]}", source),), "total")


def refused(language: str, source: str) -> str:
    toolchain = GPU_TOOLCHAINS[language](parse_target(language).architectures)
    failed = toolchain.check_source(candidate(language, source), SIGNATURE)
    assert failed is None or (failed.stage, failed.kind) == ("source", "rejected")
    return failed.message if failed else ""


@pytest.mark.parametrize("language", list(SOURCES))
def test_the_gate_takes_a_workspace_that_is_declared_on_both_sides(language: str) -> None:
    source = SOURCES[language]
    assert refused(language, source) == ""
    line = next(line for line in source.split("\n") if line.startswith("LAUNCH"))
    assert "its LAUNCH line gives none" in refused(language, source.replace(line, line.partition(", w")[0] + ")"))
    bare = source.replace(", float* workspace)", ")").replace("n, workspace, ", "n, ")
    assert "the kernel does not take it; the source needs" in refused(language, bare)
    assert "a workspace of 0 bytes" in refused(
        language, source.replace(line, f"{line.partition('workspace=')[0]}workspace=0)")
    )


def test_it_stands_behind_the_axes() -> None:
    for swapped in ("def total(x, out, workspace, n, ", "def total(x, out, n, room, "):
        said = refused("triton", TRITON.replace("def total(x, out, n, workspace, ", swapped))
        assert said.endswith("def total(x, out, n, workspace, …: tl.constexpr)")


@pytest.mark.parametrize("target", ["cuda:sm_90a", "hip:gfx942", "triton:sm_90a,gfx942"])
def test_it_builds_and_the_bundle_says_how_much(target: str, tmp_path: Path) -> None:
    aimed = parse_target(target)
    toolchain = GPU_TOOLCHAINS[aimed.language](aimed.architectures)
    try:
        toolchain.version()
    except ToolchainError as error:
        pytest.skip(str(error))
    found = toolchain.build(candidate(aimed.language, SOURCES[aimed.language]), SIGNATURE, tmp_path)
    assert isinstance(found, Build), found
    assert found.facts["targets_built"] == len(aimed.architectures), found.log
    assert found.facts["atomics"] > 0
    bundle = read_bundle(Path(found.artifact))
    assert bundle.launch.workspace_bytes({"n": 2049}) == (16 if aimed.language == "triton" else 40)
    hidden = {code.arguments for code in bundle.codes.values()}
    assert hidden == ({("null", "null")} if aimed.language == "triton" else {()}), "it is none of the hidden arguments"
    wrong = SOURCES[aimed.language].replace("float* workspace", "double* workspace")
    if wrong != SOURCES[aimed.language]:
        failed = toolchain.build(candidate(aimed.language, wrong), SIGNATURE, tmp_path)
        assert isinstance(failed, Failed)
        assert failed.message.endswith("int64_t n, float* workspace)")


def test_opencl_has_none() -> None:
    source = CUDA.replace('extern "C" __global__', "__kernel")
    failed = OpenClToolchain().check_source(candidate("opencl", source), SIGNATURE)
    assert failed is not None
    assert "LAUNCH knows no workspace; it takes: grid, block" in failed.message


def interpreted(
    source: str, tmp_path: Path, lengths: tuple[int, ...] = (1, 2048, 5000)
) -> list[tuple[Array, ...]] | Failed:
    toolchain = TritonToolchain(parse_target("triton").architectures)
    calls = [InterpretedCall({"n": n}, (np.arange(n, dtype="f4"), np.full(1, 7, "f4"))) for n in lengths]
    return interpret(toolchain, candidate("triton", source), SIGNATURE, calls, tmp_path)


@has_triton
def test_tritons_interpreter_gives_zeros_to_each_call(tmp_path: Path) -> None:
    found = interpreted(TRITON, tmp_path, (2048, 2048, 1, 5000))
    assert isinstance(found, list), found
    assert [len(tensors) for tensors in found] == [2] * 4, "what is in the workspace is nobody's result"
    assert [tensors[1][0] for tensors in found] == [n * (n - 1) / 2 for n in (2048, 2048, 1, 5000)]


@has_triton
@pytest.mark.parametrize("place", ["- 1", "+ blocks + 1"])
def test_tritons_interpreter_sees_what_is_written_beside_it(place: str, tmp_path: Path) -> None:
    found = interpreted(f"{TRITON}        tl.store(workspace {place}, 1.0)\n", tmp_path)
    assert isinstance(found, Failed)
    assert found.kind == "out_of_bounds"
    assert found.message == "the kernel wrote outside of its workspace, in Triton's interpreter"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("n - 2048", "the LAUNCH line: a workspace of -2047 bytes"),
        ("n * 20000", "a workspace of 100000000 bytes; Triton's interpreter is given 67108864 at most"),
        ("4 // (n - 1)", "the LAUNCH line: .*divides by zero"),
    ],
)
def test_no_call_is_interpreted_with_a_workspace_that_cannot_be_had(size: str, said: str, tmp_path: Path) -> None:
    found = interpreted(TRITON.replace("4 * ((n + BLOCK - 1) // BLOCK + 1)", size), tmp_path)
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("verify", "limit")
    assert re.match(said, found.message)
