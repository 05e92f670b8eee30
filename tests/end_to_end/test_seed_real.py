"""A seed, from an address to the judge's verification: traced in the jail, lowered, built, and right everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from warploom.cli.main import PASSED, run
from warploom.judge.verification import Verification
from warploom.problems.load import cache_directory, load_problem
from warploom.values.candidate import Candidate
from warploom.values.outcome import Verdict

pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

MODEL = """
import torch
from torch import nn

batch_size = 64
features = 48

class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.linear = nn.Linear(features, 24)
        self.norm = nn.BatchNorm1d(24)

    def forward(self, x):
        return torch.softmax(self.norm(self.linear(x)), dim=1) * x.shape[0] ** -0.5

def get_inputs():
    return [torch.rand(batch_size, features)]

def get_init_inputs():
    return [features]
"""


def test_a_seed_is_right_at_every_workload(tmp_path: Path) -> None:
    level = tmp_path / "level1"
    level.mkdir()
    (level / "5_Normed.py").write_text(MODEL)
    address, file = f"kernelbench:1/5?root={tmp_path}", tmp_path / "seed.cpp"
    assert run(["seed", address, "--out", str(file)]) == PASSED
    problem = load_problem(address)
    assert len(problem.held_out) > 2
    candidate = Candidate(problem.hash, "cpp", (("kernel.cpp", file.read_text()),), problem.name)
    with Verification(problem, cache=cache_directory(), seed=5) as verification:
        verdict = verification.verify(candidate)
    assert isinstance(verdict, Verdict), verdict
    assert {check.held_out for check in verdict.checks} == {True, False}
