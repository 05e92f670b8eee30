"""A reference that draws random numbers has no right answer, and whoever asks for one is told so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.cli.main import BAD_INPUT, FAILED, run
from warploom.errors import ProblemError
from warploom.judge.verification import Verification
from warploom.problems import load_problem
from warploom.values.candidate import Candidate

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("brief")]

Captured = pytest.CaptureFixture[str]

DRAWS = """
import torch
from warploom import Problem, Tensor, Workload

problem = Problem(
    name="dropped",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=lambda x: torch.nn.functional.dropout(x, 0.2),
    workloads=[Workload(n=4000)],
    held_out=[Workload(n=1), Workload(n=257)],
)
"""

COPY = """
#include <cstdint>
extern "C" void dropped(const float* x, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] * 1.25f;
}
"""


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "dropped.py"
    path.write_text(DRAWS)
    (tmp_path / "kernel.cpp").write_text(COPY)
    return path


def test_a_kernel_is_not_judged_against_dice(problem: Path, capsys: Captured) -> None:
    assert run(["judge", str(problem), str(problem.with_name("kernel.cpp")), "--json"]) == BAD_INPUT
    said = json.loads(capsys.readouterr().out)["error"]
    assert said.startswith(f"{problem}: the reference gives another answer each time it is called with the same inputs")
    assert "output 'out' is up to" in said
    assert said.endswith("seed it inside, or pass the random numbers in as an input")


def test_nothing_is_evolved_against_dice(problem: Path, capsys: Captured) -> None:
    words = ["evolve", str(problem), "--start", str(problem.with_name("kernel.cpp")), "--evaluations", "4"]
    assert run([*words, "--run", str(problem.with_name("run"))]) == BAD_INPUT
    said = capsys.readouterr()
    assert "gives another answer each time" in said.err + said.out
    assert "Traceback" not in said.err


def test_verification_alone_says_so_too(problem: Path, tmp_path: Path) -> None:
    loaded = load_problem(problem)
    candidate = Candidate(loaded.hash, "cpp", (("kernel.cpp", COPY),), "dropped")
    with (
        Verification(loaded, cache=tmp_path / "cache", seed=1) as verification,
        pytest.raises(ProblemError, match="gives another answer each time"),
    ):
        verification.verify(candidate)


def test_an_audit_says_it_before_all_else(problem: Path, capsys: Captured) -> None:
    assert run(["audit", str(problem), "--quiet"]) == FAILED
    verdict, empty, first, *_ = capsys.readouterr().out.splitlines()
    assert "wanting" in verdict
    assert empty == ""
    assert first.startswith("wrong: the reference gives different answers to the same inputs")
