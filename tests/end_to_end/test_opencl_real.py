"""OpenCL on PoCL, judged and evolved for real: honest kernels pass, mistakes and cheats fail by type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from warploom.cli.main import run as command
from warploom.judge.evaluate import LocalJudge
from warploom.problems import load_problem
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.search.best.evidence import read_evidence
from warploom.toolchain.opencl_find import HOW_TO_GET, find_pocl
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(find_pocl() is None, reason=f"PoCL is not installed: {HOW_TO_GET}"),
]

PROBLEM_FILE = """
from warploom import Problem, Tensor, Workload

def centre(x):
    return x - x.mean(dim=1, keepdim=True)

problem = Problem(
    name="centre",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=centre,
    workloads=[Workload(rows=256, cols=1024)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=7, cols=33)],
)
"""

KERNEL = """TUNE(ROWS, 4, 1, 4, 16)
LAUNCH(grid=(rows + ROWS - 1) // ROWS, block=ROWS)
__kernel void centre(__global const float* x, __global float* out, long rows, long cols) {
    const long i = get_global_id(0);
    if (i >= rows) return;
    float sum = 0.0f;
    for (long j = 0; j < cols; ++j) {
        sum += x[i * cols + j];
    }
    for (long j = 0; j < cols; ++j) {
        out[i * cols + j] = x[i * cols + j] - sum / cols;
    }
}
"""


@pytest.fixture(scope="module")
def problem_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("problem")
    (folder / "centre.py").write_text(PROBLEM_FILE)
    (folder / "centre.seed.cl").write_text(KERNEL)
    return folder / "centre.py"


@pytest.fixture(scope="module")
def problem(problem_file: Path) -> Problem:
    return load_problem(problem_file, cache=problem_file.parent)


@pytest.fixture(scope="module")
def judge(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJudge]:
    folder = tmp_path_factory.mktemp("judge")
    lease = Lease(folder / "lease")
    limits = Limits(call_seconds=2.0)
    with LocalJudge(problem, cache=folder, limits=limits, lease=lease, language="opencl") as local:
        yield local


def judged(judge: LocalJudge, source: str) -> Evaluation:
    candidate = Candidate(judge.problem.hash, "opencl", (("kernel.cl", source),), "centre")
    return judge.evaluate(Job(candidate, judge.problem.hash))


def test_an_honest_kernel_passes_and_is_timed(judge: LocalJudge) -> None:
    found = judged(judge, KERNEL)
    assert isinstance(found, Passed), found
    assert found.build.toolchain.startswith("pocl ")
    assert found.timings[0].baseline == "eager"
    assert min(found.timings[0].samples_ns) > 0


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("sum / cols;", "sum / cols * 1.001f;", "wrong_result"),
        ("if (i >= rows) return;", "", "out_of_bounds"),
        ("if (i >= rows) return;", "if (i >= rows - 1) return;", "unwritten_output"),
        ("float sum = 0.0f;", "while (x != out) ;  float sum = 0.0f;", "timeout"),
        ("float sum = 0.0f;", "float sum = *(__global float*)(i + 8);", "crash"),
        ("float sum = 0.0f;", "float sum = 0.0f; ((__global float*)x)[0] = 1;", "crash"),
        ("sum +=", "sums +=", "compile_error"),
    ],
)
def test_a_mistake_fails_by_its_type(judge: LocalJudge, old: str, new: str, kind: str) -> None:
    found = judged(judge, KERNEL.replace(old, new))
    assert isinstance(found, Failed)
    assert found.kind == kind, found


def test_a_short_run_leaves_a_kernel_in_opencl(
    problem_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "evolve",
        str(problem_file),
        "--target",
        "opencl",
        "--evaluations",
        "4",
        "--run",
        str(tmp_path / "run"),
    ]
    assert command([*words, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert shown["evaluations"] == 4
    assert shown["passed"] >= 2
    if shown["best"]:  # a loaded machine may promote nothing
        assert shown["kernel"].endswith("kernel.cl")
        assert "__kernel void centre(" in Path(shown["kernel"]).read_text()
        assert read_evidence(tmp_path / "run" / "best").candidate.language == "opencl"
