"""What is wrong with the start of a run is told first: before PyTorch is started, oracles and baselines are made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from warploom.cli.main import BAD_INPUT, FAILED, run
from warploom.judge.evaluate import LocalJudge
from warploom.testing.chronicle import Chronicle

PROBLEM = '''
"""Rows scaled and shifted."""

from warploom.values.problem import Problem, Tensor, Workload


def scaled(x, weight):
    return x * weight + 1.0


problem = Problem(
    name="scaled",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
    outputs={"out": Tensor("rows cols")},
    reference=scaled,
    workloads=[Workload(rows=256, cols=1000)],
    held_out=[Workload(rows=1, cols=1)],
)
'''
SEED = """#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void scaled(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows * cols; ++i) out[i] = x[i] * weight[i % cols] + 1.0f;
}
// EVOLVE-BLOCK-END
"""


class Prepared(Exception):  # noqa: N818 - a signal
    """The judge was made ready: half a minute of work."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def prepare(self: LocalJudge) -> None:
        raise Prepared

    monkeypatch.setattr(LocalJudge, "prepare", prepare)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scaled.py").write_text(PROBLEM)
    (tmp_path / "scaled.seed.cpp").write_text(SEED)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> dict[str, Any]:
    assert run([*words, "--json"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("1.0f", "one", "one"),
        ("int64_t cols)", "int32_t cols)", "scaled"),
        ("// EVOLVE-BLOCK-END", "", "EVOLVE-BLOCK-END"),
    ],
)
def test_a_start_that_does_not_build_is_told_before_the_judge_is_made_ready(
    place: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, named: str
) -> None:
    (place / "other.cpp").write_text(SEED.replace(before, after))
    words = ("evolve", "scaled.py", "--start", "other.cpp", "--run", "other")
    assert named in said(capsys, BAD_INPUT, *words)["error"]
    assert not (place / "other" / "journal.db").exists(), "there is no run that could not go on"
    (place / "other.cpp").write_text(SEED)
    with pytest.raises(Prepared):
        run([*words, "--json"])


def test_where_no_run_can_begin_is_told_first(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Chronicle(place / "run") as begun:
        begun.judged(0.0)
    error = said(capsys, BAD_INPUT, "evolve", "scaled.py", "--run", "run")["error"]
    assert "warploom resume run" in error
    (place / "file").touch()
    assert "file" in said(capsys, BAD_INPUT, "evolve", "scaled.py", "--run", "file/run")["error"]


def test_a_kernel_that_does_not_compile_is_judged_without_pytorch(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "wrong.cpp").write_text(SEED.replace("1.0f", "one"))
    found = said(capsys, FAILED, "judge", "scaled.py", "wrong.cpp")
    assert (found["status"], found["stage"], found["kind"]) == ("failed", "build", "compile_error")
