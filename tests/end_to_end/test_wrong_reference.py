"""A mistake in a problem's reference: one line that says what, where and how to mend it, whoever meets it first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.cli.main import BAD_INPUT, run

pytestmark = pytest.mark.torch

FILE = """import torch

from warploom import Problem, Tensor, Workload


def reference(x):
    {body}


problem = Problem(
    name="thrice",
    axes=("n",),
    inputs={{"x": Tensor("n")}},
    outputs={{"y": Tensor("n")}},
    reference=reference,
    workloads=[Workload(n=64)],
)
"""
KERNEL = """#include <cstdint>
extern "C" void thrice(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = 3 * x[i];
}
"""

MISTAKES: dict[str, tuple[str, str]] = {
    "nothing": ("3 * x", "the reference returns None, and outputs declares y float32 [64] at n=64; does it lack"),
    "dictionary": (
        'return {"y": 3 * x}',
        "returns a dictionary with the keys 'y', and outputs declares y float32 [64]",
    ),
    "number": ("return 3.0", "returns a float ('3.0'), and outputs declares y float32 [64] at n=64; return a tensor"),
    "more": (
        "return 3 * x, x",
        "returns 2 tensors, and outputs declares y float32 [64] at n=64; return one tensor for",
    ),
    "dtype": ("return 3 * x.double()", "returns float64 [64] for y, and outputs declares float32 [64] at n=64; mend"),
    "shape": (
        "return 3 * x[1:]",
        "returns float32 [63] for y, and outputs declares float32 [64] at n=64; mend the shape",
    ),
    "raises": ("return torch.thrice(x)", "raises AttributeError: module 'torch' has no attribute 'thrice' (mine.py:7)"),
}


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*words, "--json"]) == BAD_INPUT
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return str(json.loads(printed.out)["error"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.cpp").write_text(KERNEL)
    return tmp_path


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_alike_where_it_is_lowered_and_where_it_is_judged(
    mistake: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body, says = MISTAKES[mistake]
    (place / "mine.py").write_text(FILE.format(body=body))
    said = told(["audit", "mine.py"], capsys)
    assert said.startswith(f"{place / 'mine.py'}: the reference ")
    assert says in said
    assert told(["seed", "mine.py"], capsys) == said


def test_a_mistake_is_told_alike_by_every_command(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body, says = MISTAKES["more"]
    (place / "mine.py").write_text(FILE.format(body=body))
    said = told(["judge", "mine.py", "kernel.cpp"], capsys)
    assert says in said
    assert told(["evolve", "mine.py"], capsys) == said, "it is met when the reference is lowered"
    assert told(["evolve", "mine.py", "--start", "kernel.cpp"], capsys) == said, (
        "it is met when the judge is made ready"
    )


def test_a_reference_that_minds_float64_is_told_what_that_is_for(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "mine.py").write_text(FILE.format(body="return x @ torch.eye(len(x))"))
    said = told(["audit", "mine.py"], capsys)
    assert "(mine.py:7), with its inputs in float64 for the exact answer; take dtypes from the inputs" in said
