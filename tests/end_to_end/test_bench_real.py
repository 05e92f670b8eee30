"""A real benchmark, small: a suite of one own problem and one without a start, run, gone on with, shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.cli.main import run

TWICE = """
from warploom import Problem, Tensor, Workload


def twice(x):
    return x + x


problem = Problem(
    name="twice",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=twice,
    workloads=[Workload(n=65536)],
    held_out=[Workload(n=1), Workload(n=37)],
)
"""
SEED = """#include <cstdint>

extern "C" void twice(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        out[i] = x[i] + x[i];
    }
}
"""

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("brief", "eager_only", "judge_cache")]


def test_a_suite_is_run_once_and_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "twice.py").write_text(TWICE)
    (tmp_path / "suite" / "twice.seed.cpp").write_text(SEED)
    (tmp_path / "suite" / "broken.py").write_text("problem = 1\n")
    words = ["bench", "suite", "--evaluations", "3", "--proposer", "moves", "--json"]
    assert run(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["statuses"] == {"verified": 1, "not started": 1}
    assert found["without_kernel"]["broken"].startswith("not started: ")
    assert found["score"]["against"]["eager"]["fast_p"]["0"] == 0.5
    assert found["kinds"]["pointwise"]["correct"] == 1
    assert found["environment"]["torch"]
    broken, twice = (json.loads(line) for line in Path(found["results"]).read_text().splitlines())
    assert (broken["id"], twice["id"], twice["start"], twice["evaluations"]) == ("broken", "twice", "own", 3)
    (workload,) = twice["workloads"]
    assert (workload["operations"], workload["bytes"]) == (65536, 8 * 65536)
    assert 0 < workload["bound_ns"] < workload["kernel_ns"]
    assert "twice" in Path(found["page"]).read_text()
    lines = Path(found["results"]).read_text().splitlines()[1]
    assert run(words) == 0
    capsys.readouterr()
    assert Path(found["results"]).read_text().splitlines()[1] == lines
