"""A real GPU: the judge of kernels on the device itself. Everything here is skipped where there is none."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.judge.evaluate import LocalJudge
from warploom.judge.gpu.place import CLOCK
from warploom.judge.places import require_device
from warploom.problems import load_problem
from warploom.problems.load import find_seed
from warploom.propose.moves.books import book_of
from warploom.propose.recipe import Cookbook, materialise
from warploom.sandbox.gpu_worker_process import GpuWorkerProcess
from warploom.sandbox.limits import Limits
from warploom.values.candidate import Candidate, Step
from warploom.values.job import Effort, Job
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem, Workload

pytestmark = [pytest.mark.gpu, pytest.mark.torch]

PROBLEM_FILE = """
from warploom import Problem, Tensor, Tolerance, Workload

def weigh(x, w):
    return x * w

problem = Problem(
    name="weigh",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "w": Tensor("cols")},
    outputs={"out": Tensor("rows cols")},
    reference=weigh,
    workloads=[Workload(rows=2048, cols=1024)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=3, cols=33, recipe="wide")],
    tolerance=Tolerance(factor=4.0),
)
"""
KERNEL = """
LAUNCH(grid=rows, block=256, shared={shared})
{before}
extern "C" __global__ void weigh(const float* x, const float* w, float* out, int64_t rows, int64_t cols) {{
    for (int64_t col = threadIdx.x; col < cols; col += 256) {{
        int64_t i = blockIdx.x * cols + col;
        out[i] = {value};
    }}
    {last}
}}
"""
VALUE = "x[i] * w[col]"


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    folder = tmp_path_factory.mktemp("problem")
    path = folder / "weigh.py"
    path.write_text(PROBLEM_FILE)
    return load_problem(path, cache=folder)


@pytest.fixture(scope="module")
def judge(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJudge]:
    folder = tmp_path_factory.mktemp("judge")
    with LocalJudge(problem, cache=folder, limits=Limits(call_seconds=5.0), language="cuda") as local:
        yield local


def judged(judge: LocalJudge, words: Mapping[str, str] | None = None, effort: Effort = "promote") -> Evaluation:
    text = KERNEL.format(**{"value": VALUE, "before": "", "last": "", "shared": "0", **(words or {})})
    candidate = Candidate(judge.problem.hash, "cuda", (("kernel.cu", text),), judge.problem.name)
    return judge.evaluate(Job(candidate, judge.problem.hash, effort))


def test_an_honest_kernel_passes(judge: LocalJudge) -> None:
    found = judged(judge)
    assert isinstance(found, Passed), found
    assert {timing.clock for timing in found.timings} == {CLOCK}
    assert {timing.baseline for timing in found.timings} >= {"eager", "eager offline"}
    assert 0 < found.environment["roofline"] <= 1.25
    assert ("profile" in found.environment) == bool(shutil.which("ncu")), "figures, or why there are none"


def test_much_shared_memory_is_granted(judge: LocalJudge) -> None:
    assert isinstance(judged(judge, {"shared": str(96 << 10)}), Passed)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"wrong_result"}, {"value": "0"}),
        ({"wrong_result"}, {"value": f"(float)(double)((int)(1024 * {VALUE})) / 1024"}),
        ({"unwritten_output"}, {"value": f"i == 0 ? out[i] : {VALUE}"}),
        ({"out_of_bounds"}, {"last": "if (blockIdx.x + threadIdx.x == 0) out[rows * cols] = 1;"}),
        ({"input_changed"}, {"last": "const_cast<float*>(w)[0] = 1;"}),
        ({"crash"}, {"last": "*(volatile int*)8 = 1;"}),
        ({"crash"}, {"last": "__trap();"}),
        ({"timeout"}, {"before": "__device__ volatile int on = 1;", "last": "while (on) {}"}),
        (
            {"wrong_result"},
            {
                "before": "__device__ float kept[1 << 21]; __device__ int filled; __device__ int64_t of;",
                "value": f"filled && of == cols ? kept[i] : (kept[i] = {VALUE})",
                "last": "of = cols; filled = 1;",
            },
        ),
    ],
)
def test_a_cheat_fails_by_its_kind(judge: LocalJudge, kinds: set[str], words: dict[str, str]) -> None:
    found = judged(judge, words)
    assert isinstance(found, Failed)
    assert found.kind in kinds, found
    assert isinstance(judged(judge, effort="screen"), Passed), "the next candidate is judged as ever"


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_a_triton_seed_passes_in_the_same_judge(tmp_path: Path) -> None:
    problem = load_problem("softmax_bf16")
    text = find_seed("softmax_bf16", "triton").read_text()
    candidate = Candidate(problem.hash, "triton", (("kernel.py", text),), problem.name)
    with LocalJudge(problem, cache=tmp_path, language="triton") as local:
        found = local.evaluate(Job(candidate, problem.hash))
    assert isinstance(found, Passed), found


@pytest.mark.parametrize("language", ["cuda", "triton"])
def test_a_product_whose_sum_is_shared_passes_and_is_the_same_each_time(language: str, tmp_path: Path) -> None:
    if language == "triton" and importlib.util.find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    small = [Workload(m=64, n=512, k=4096), Workload(m=4096, n=4096, k=256)]  # shared, and not
    problem = replace(load_problem("matmul_fp16"), workloads=tuple(small))
    text = find_seed("matmul_fp16", language).read_text()
    seed = Candidate(problem.hash, language, ((f"kernel{SUFFIXES[language]}", text),), problem.name)
    cookbook = Cookbook(book_of(language).moves)
    candidate = materialise(seed, cookbook.replay(seed, [Step("split_k", "@first")]))
    assert "workspace=" in candidate.source
    with LocalJudge(problem, cache=tmp_path, limits=Limits(call_seconds=5.0), language=language) as local:
        found = local.evaluate(Job(candidate, problem.hash, "promote"))
    assert isinstance(found, Passed), found


def test_a_workspace_is_zeros_and_guarded(judge: LocalJudge) -> None:
    count = "if (threadIdx.x == 0) atomicAdd(workspace + blockIdx.x, 1.0f); __syncthreads();"
    text = KERNEL.format(
        value=f"workspace[blockIdx.x] == 1 ? {VALUE} : 0", before="", last="@", shared="0, workspace=4 * rows"
    )
    text = text.replace("int64_t cols) {", f"int64_t cols, float* workspace) {{\n    {count}")
    for last, kinds in (("", None), ("if (blockIdx.x + threadIdx.x == 0) workspace[rows] = 1;", "out_of_bounds")):
        sources = (("kernel.cu", text.replace("@", last)),)
        candidate = Candidate(judge.problem.hash, "cuda", sources, judge.problem.name)
        found = judge.evaluate(Job(candidate, judge.problem.hash, "promote"))
        assert getattr(found, "kind", None) == kinds, found


def test_a_worker_opens_the_device() -> None:
    with GpuWorkerProcess(require_device("cuda"), Limits(start_seconds=60.0)) as worker:
        assert worker.pid > 0
