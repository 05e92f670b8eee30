"""The GPU room of the catalog: complete, its seeds well formed, right where they can be run, and built where they can be."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from warploom.judge.correctness.interpreted import LARGEST_BYTES, check_interpreted
from warploom.problems.load import ROOMS, catalog_names, find_seed, is_shipped, load_catalog, locate
from warploom.toolchain import cuda, triton
from warploom.toolchain.cuda import CudaToolchain, find_nvrtc
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.gpu import GpuToolchain
from warploom.toolchain.triton import TritonToolchain
from warploom.values.candidate import Candidate
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Build
from warploom.values.problem import Problem
from warploom.values.signature import signature
from warploom.values.target import parse_target

NAMES = """
conv2d_11x11_fp16 cross_entropy_bf16 fp8_gemm fused_moe gqa_decode_bf16 gqa_prefill_bf16 jacobi layer_norm_bf16 matmul_bf16
matmul_fp16 mla_decode reduce_bf16 rms_norm_bf16 rope_bf16 softmax_bf16 spmv swiglu_bf16 trimul
""".split()  # noqa: SIM905 - read as a list of words

RUN_HERE = ("fp8_gemm", "gqa_decode_bf16", "matmul_bf16", "softmax_bf16", "spmv")
"""CUDA seeds that each run of the tests calls on the CPU: a product, an attention, a reduction, a gather, 8-bit codes."""

HARNESS = Path(__file__).with_name("gpu_seed_harness.py")

has_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason=f"Triton is not installed: {triton.HOW_TO_GET}"
)
has_nvrtc = pytest.mark.skipif(find_nvrtc() is None, reason=f"NVRTC is not installed: {cuda.HOW_TO_GET}")


@pytest.fixture(scope="module")
def room() -> dict[str, Problem]:
    return load_catalog(room="gpu")


def toolchain_of(language: str, target: str = "") -> GpuToolchain:
    return GPU_TOOLCHAINS[language](parse_target(target or language).architectures)


def seed(problem: Problem, language: str) -> Candidate:
    text = find_seed(problem.name, language).read_text()
    return Candidate(problem.hash, language, ((f"kernel{SUFFIXES[language]}", text),), problem.name)


def test_the_room_is_complete_and_shares_no_name_with_the_other() -> None:
    assert list(catalog_names("gpu")) == NAMES
    assert not set(NAMES) & set(catalog_names())
    for name in NAMES:
        assert is_shipped(name)
        assert locate(name) == ROOMS["gpu"] / name / "problem.py"
        assert find_seed(name, "cuda").name == "seed.cu"
        assert find_seed(name, "triton").name == "seed_triton.py"
    assert is_shipped("softmax")
    assert not is_shipped("softmax_bf17")


@pytest.mark.torch
def test_every_problem_has_what_the_judge_and_the_interpreter_need(room: dict[str, Problem]) -> None:
    for name, problem in room.items():
        assert problem.name == name
        assert problem.title
        assert len(problem.workloads) >= 2, name
        assert all(workload.recipe == "normal" for workload in problem.workloads), name
        assert len({workload.recipe for workload in problem.held_out}) >= 3, name
        assert any(1 in workload.extents.values() for workload in problem.held_out), f"{name}: no axis of size 1"
        odd = [workload for workload in problem.held_out if any(n > 16 and n % 2 for n in workload.extents.values())]
        assert odd, f"{name}: no odd size"
        for workload in problem.held_out:
            assert problem.traffic_bytes(workload) <= LARGEST_BYTES, f"{name} at {workload}"


@pytest.mark.torch
@pytest.mark.parametrize("language", ["triton", "cuda"])
def test_seeds_keep_the_rules_and_their_launch_covers_every_workload(room: dict[str, Problem], language: str) -> None:
    toolchain = toolchain_of(language)
    for name, problem in room.items():
        candidate = seed(problem, language)
        assert toolchain.check_source(candidate, signature(problem)) is None, name
        assert "EVOLVE-BLOCK-START" in candidate.source
        launch, parameters = toolchain.launch(candidate, signature(problem))
        assert len(parameters) >= 2, f"{name}: nothing to tune"
        for workload in (*problem.workloads, *problem.held_out):
            x, y, z = launch.blocks(workload.extents)
            assert x >= 1, f"{name} at {workload}"
            assert 1 <= y < 65536, f"{name} at {workload}"
            assert 1 <= z < 65536, f"{name} at {workload}"
        assert math.prod(launch.block) <= 1024


@pytest.mark.torch
def test_cuda_seeds_match_their_references_when_they_run_on_the_cpu(tmp_path: Path) -> None:
    command = [sys.executable, str(HARNESS), str(tmp_path), *RUN_HERE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == set(RUN_HERE)
    for name, said in found.items():
        assert not said["complaints"], said["complaints"]
        assert said["worst"] > 0, f"{name}: nothing was compared"


@pytest.mark.torch
def test_a_cuda_seed_that_is_wrong_is_found_out_on_the_cpu(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.cu"
    wrong.write_text(find_seed("softmax_bf16", "cuda").read_text().replace("1.0f / block_sum", "1.1f / block_sum"))
    command = [sys.executable, str(HARNESS), str(tmp_path), f"softmax_bf16={wrong}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["softmax_bf16"]["complaints"]


@has_triton
@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_triton_seeds_build_for_hopper_and_cdna_without_a_spill(
    room: dict[str, Problem], name: str, tmp_path: Path
) -> None:
    made = toolchain_of("triton", "triton:sm_90a,gfx942").build(
        seed(room[name], "triton"), signature(room[name]), tmp_path
    )
    assert isinstance(made, Build), made
    assert made.facts["targets_built"] == 2
    assert made.facts["sm_90a.spill_bytes"] == 0
    assert made.facts["gfx942.spill_bytes"] == 0


@has_triton
@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_triton_seeds_are_right_in_the_interpreter(room: dict[str, Problem], name: str, tmp_path: Path) -> None:
    toolchain = toolchain_of("triton")
    assert isinstance(toolchain, TritonToolchain)
    found = check_interpreted(room[name], seed(room[name], "triton"), toolchain, tmp_path, seed=5)
    assert found.failed is None, found.failed
    assert len(found.checks) == len(room[name].held_out)


@has_nvrtc
@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_cuda_seeds_build_for_hopper_without_a_spill(room: dict[str, Problem], name: str, tmp_path: Path) -> None:
    candidate = seed(room[name], "cuda")
    toolchain = toolchain_of("cuda", "cuda:sm_90a")
    assert isinstance(toolchain, CudaToolchain)
    if "mma.h" in candidate.source and not any((Path(root) / "crt" / "mma.h").is_file() for root in toolchain.roots()):
        pytest.skip("mma.h lacks its other half: pip install nvidia-cuda-crt")
    made = toolchain.build(candidate, signature(room[name]), tmp_path)
    assert isinstance(made, Build), made
    assert made.facts["spill_bytes"] == 0
