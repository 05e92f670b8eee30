"""Every operator that can be lowered computes what PyTorch computes, at shapes that were traced and at others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).with_name("lowering_harness.py")
CASES = (
    "pointwise",
    "activations",
    "reductions",
    "norms",
    "products",
    "convolutions",
    "pools",
    "places",
    "losses",
    "whole_numbers",
)

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    folder = tmp_path_factory.mktemp("lowered")
    command = [sys.executable, str(HARNESS), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", CASES)
def test_a_family_is_right(complaints: dict[str, list[str]], name: str) -> None:
    assert complaints[name] == []


def test_every_family_is_tested(complaints: dict[str, list[str]]) -> None:
    assert set(complaints) == set(CASES)
