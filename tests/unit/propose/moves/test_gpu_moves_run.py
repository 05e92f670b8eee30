"""Moves for Triton and CUDA: what they make builds, is right, and does the work once: on the CPU and in the interpreter."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from gpu_kernels import KERNELS, PRODUCT, SCALED, TRITON, Kernel, changed, drawn, run_cuda, shapes

from warploom.errors import ToolchainError
from warploom.toolchain.cuda import HOW_TO_GET as HOW_TO_GET_CUDA
from warploom.toolchain.cuda import CudaToolchain, find_nvrtc
from warploom.toolchain.hip import HipToolchain
from warploom.toolchain.triton import HOW_TO_GET as HOW_TO_GET_TRITON
from warploom.toolchain.triton import TritonToolchain
from warploom.toolchain.triton_interpreter import InterpretedCall, interpret
from warploom.values.outcome import Build
from warploom.values.signature import signature
from warploom.values.target import parse_target

has_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason=f"Triton is not installed: {HOW_TO_GET_TRITON}"
)
has_nvrtc = pytest.mark.skipif(find_nvrtc() is None, reason=f"NVRTC is not installed: {HOW_TO_GET_CUDA}")


def test_cuda_kernels_are_right_on_the_cpu_after_each_move_and_do_no_work_twice(tmp_path: Path) -> None:
    made = [(kernel.problem.name, kernel) for kernel in KERNELS["cuda"]] + changed("cuda", best=True)
    made += [(f"split_k of {how}", kernel) for how, kernel in shared(KERNELS["cuda"][2], "persistent_blocks").items()]
    copied = KERNELS["cuda"][1].moved("async_copy")
    careless = Kernel(copied.problem, "cuda", copied.source.replace("copies_arrive(); __sync", "__sync"))
    later = Kernel(SCALED, "cuda", KERNELS["cuda"][1].source.replace("int64_t begin = 0", "int64_t begin = WIDE"))
    others = [careless, later, later.moved("double_buffer")]
    *calls, hasty, one, other = run_cuda([*(kernel for _, kernel in made), *others], tmp_path)
    for (name, kernel), call in zip(made, calls, strict=True):
        for axes in shapes(kernel.problem):
            tensors, wanted = drawn(kernel.problem, axes)
            call(tensors, axes)
            assert np.array_equal(tensors[-1], wanted), (name, axes)
    axes = {"rows": 2, "cols": 800}
    tensors, wanted = drawn(careless.problem, axes)
    hasty(tensors, axes)
    assert not np.array_equal(tensors[-1], wanted), "nobody waited for the copies, and they were there"
    found = []
    for call in (one, other):
        tensors, wanted = drawn(SCALED, axes)
        call(tensors, axes)
        found.append(tensors[-1])
    assert np.array_equal(found[0], found[1]), (
        "a loop that begins elsewhere has its first slice in the first buffer too"
    )
    assert not np.array_equal(found[0], wanted), "it left some out"


def shared(kernel: Kernel, persistent: str) -> dict[str, Kernel]:
    """A kernel whose sum is shared: by more parts than there are turns, by one, by none, and by blocks that stay."""
    many, stays = kernel.moved("split_k", split=16), kernel.moved("split_k").moved(persistent)
    return {
        "more than there are turns": many,
        "one": kernel.moved("split_k", split=1),
        "none": Kernel(many.problem, many.language, many.source.replace("BUSY, 132,", "BUSY, 1,")),
        "blocks that stay": Kernel(stays.problem, stays.language, stays.source.replace("grid=264", "grid=3")),
    }


@has_nvrtc
def test_cuda_kernels_still_build_after_each_move(tmp_path: Path) -> None:
    toolchain = CudaToolchain(parse_target("cuda:sm_90a").architectures)
    for name, kernel in changed("cuda"):
        found = toolchain.build(kernel.candidate, signature(kernel.problem), tmp_path)
        assert isinstance(found, Build), (name, found)
        assert ("cp.async" in kernel.source) == (found.facts["async_copies"] > 0), name


@has_triton
@pytest.mark.parametrize("kernel", KERNELS["triton"], ids=lambda kernel: str(kernel.problem.name))
def test_triton_kernels_still_build_after_each_move_and_are_still_right(kernel: Kernel, tmp_path: Path) -> None:
    toolchain = TritonToolchain(parse_target("triton:sm_90a,gfx942").architectures)
    for name, made in changed("triton", best=True):
        if made.problem is not kernel.problem:
            continue
        found = toolchain.build(made.candidate, signature(made.problem), tmp_path)
        assert isinstance(found, Build), (name, found)
        assert found.facts["targets_built"] == 2, (name, found.log)
        assert_right(toolchain, name, made, tmp_path)


@has_triton
def test_sums_that_programs_share_are_right_however_many_share_them(tmp_path: Path) -> None:
    toolchain = TritonToolchain(parse_target("triton:sm_90a").architectures)
    for name, made in shared(KERNELS["triton"][0], "persistent").items():
        assert_right(toolchain, name, made, tmp_path)
    careless = KERNELS["triton"][0].moved("split_k")
    hasty = Kernel(careless.problem, "triton", careless.source.replace("if arrived == parts - 1:", "if arrived == 0:"))
    with pytest.raises(AssertionError, match="the first to arrive"):
        assert_right(toolchain, "the first to arrive", hasty, tmp_path)


def assert_right(toolchain: TritonToolchain, name: str, made: Kernel, folder: Path) -> None:
    """Each element, in Triton's interpreter."""
    calls, wanted = [], []
    for axes in shapes(made.problem):
        tensors, answer = drawn(made.problem, axes)
        calls.append(InterpretedCall(axes, tuple(tensor.reshape(-1) for tensor in tensors)))
        wanted.append(answer.reshape(-1))
    after = interpret(toolchain, made.candidate, signature(made.problem), calls, folder)
    assert isinstance(after, list), (name, after)
    for tensors, answer in zip(after, wanted, strict=True):
        assert np.array_equal(tensors[-1], answer), name


@has_triton
def test_aligned_rows_are_loaded_wide(tmp_path: Path) -> None:
    toolchain = TritonToolchain(parse_target("triton:sm_90a").architectures)
    facts = []
    plain = Kernel(PRODUCT, "triton", TRITON)
    for kernel in (plain, plain.moved("aligned_axis", "product:cols+depth")):
        made = toolchain.build(kernel.candidate, signature(PRODUCT), tmp_path)
        assert isinstance(made, Build)
        facts.append(made.facts["wide_accesses"] + made.facts["async_copies"])
    assert facts[1] > facts[0]


def test_hip_kernels_still_build_after_each_move(tmp_path: Path) -> None:
    toolchain = HipToolchain(parse_target("hip:gfx942").architectures)
    try:
        toolchain.version()
    except ToolchainError as error:
        pytest.skip(str(error))
    for name, kernel in [(kernel.problem.name, kernel) for kernel in KERNELS["hip"]] + changed("hip"):
        found = toolchain.build(kernel.candidate, signature(kernel.problem), tmp_path)
        assert isinstance(found, Build), (name, found)
