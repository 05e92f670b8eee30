"""The count of false rejections: an honest seed passes on other inputs each time, a wrong kernel is counted."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from warploom.judge import verification as verifying
from warploom.judge.correctness.oracle import CheckedSet, with_room
from warploom.judge.verification import Verification
from warploom.problems.load import cache_directory, find_seed, load_problem
from warploom.values.candidate import Candidate
from warploom.values.outcome import Failed, Verdict

PROBLEM = """
from warploom.values.problem import Problem, Tensor, Workload

def triple(x):
    return 3 * x

problem = Problem(name="triple", axes=("n",), inputs={"x": Tensor("n")}, outputs={"out": Tensor("n")},
                  reference=triple, workloads=[Workload(n=1000)], held_out=[Workload(n=7, recipe="special")])
"""
KERNEL = """
#include <cstdint>
extern "C" void triple(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = 3.0f * x[i]%s;
}
"""


@pytest.fixture
def rejections() -> ModuleType:
    return importlib.import_module("benchmarks.rejections")


@pytest.fixture
def problem_file(tmp_path: Path) -> Path:
    path = tmp_path / "triple.py"
    path.write_text(PROBLEM)
    return path


@pytest.mark.torch
def test_each_verification_draws_its_own_inputs_and_a_wrong_kernel_fails(
    problem_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = load_problem(problem_file)
    roomy: list[int] = []

    def recorded(checked: CheckedSet) -> CheckedSet:
        roomy.append(checked.seed)
        return with_room(checked)

    monkeypatch.setattr(verifying, "with_room", recorded)

    def kernel(more: str) -> Candidate:
        return Candidate(problem.hash, "cpp", (("kernel.cpp", KERNEL % more),), problem.name)

    with Verification(problem, cache=cache_directory()) as verification:
        first, second = (verification.verify(kernel("")) for _ in range(2))
        wrong = verification.verify(kernel(" * (i == 6 ? 1.001f : 1.0f)"))
        broken = verification.verify(kernel(" +"))
    assert isinstance(first, Verdict)
    assert isinstance(second, Verdict)
    assert first.passed
    assert [check.workload for check in first.checks] == ["n=7:special", "n=1000", "n=1000:special"]
    assert [check.held_out for check in first.checks] == [True, False, True]
    assert len({check.seed for check in (*first.checks, *second.checks)}) == 6
    assert roomy[:2] == [first.checks[2].seed, second.checks[2].seed], "timed shapes with held-out values have room"
    assert isinstance(wrong, Failed)
    assert (wrong.stage, wrong.kind) == ("verify", "wrong_result")
    assert isinstance(broken, Failed)
    assert broken.stage == "build"


def test_seeds_and_promoted_kernels_are_counted(
    rejections: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    best = tmp_path / "runs" / "softmax-1" / "best"
    best.mkdir(parents=True)
    (best / "kernel.cpp").write_text("// promoted\n")
    (best / "evidence.json").write_text(json.dumps({"problem": {"name": "softmax"}, "build_flags": ["-O2"]}))
    asked: list[tuple[str, tuple[str, ...]]] = []

    class Scripted(Verification):
        def __init__(self, problem: object, cache: Path) -> None:
            self.problem = load_problem("softmax")

        def verify(self, candidate: Candidate) -> Verdict | Failed:
            asked.append((candidate.source, candidate.build_flags))
            honest = candidate.source == find_seed("softmax").read_text()
            return Verdict(()) if honest else Failed("verify", "wrong_result", "element 3 is off")

        def close(self) -> None:
            pass

    monkeypatch.setattr(rejections, "Verification", Scripted)
    monkeypatch.setattr(rejections, "load_problem", lambda name: None)
    out = tmp_path / "rejections.json"
    words = ["--problems", "softmax", "--runs", str(tmp_path / "runs"), "--times", "3", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["rejections.py", *words])
    assert rejections.main() == 1
    found = json.loads(out.read_text())
    assert (found["verifications"], found["rejections"]) == (6, 3)
    assert [row["origin"] for row in found["kernels"]] == ["seed", "softmax-1"]
    assert found["kernels"][1]["rejections"] == ["wrong_result: element 3 is off"] * 3
    assert asked[3:] == [("// promoted\n", ("-O2",))] * 3
    assert "element 3 is off" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["rejections.py", "--problems", "softmax", "--times", "1", "--out", str(out)])
    assert rejections.main() == 0
