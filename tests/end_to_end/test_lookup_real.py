"""A lookup reads few rows of its table: it is not too fast for what it does not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from warploom.judge.evaluate import LocalJudge
from warploom.problems import load_problem
from warploom.sandbox.lease import Lease
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Passed
from warploom.values.peaks import traffic
from warploom.values.problem import Problem

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("brief")]

PROBLEM_FILE = """
import torch
from warploom import Problem, Tensor, Workload

def look_up(table, rows):
    return torch.nn.functional.embedding(rows, table)

problem = Problem(
    name="look_up",
    axes=("words", "dim", "count"),
    inputs={"table": Tensor("words dim"), "rows": Tensor("count", "int64", low=0, high="words")},
    outputs={"out": Tensor("count dim")},
    reference=look_up,
    workloads=[Workload(words=65536, dim=32, count=64)],
    held_out=[Workload(words=5, dim=3, count=7)],
)
"""

KERNEL = """
#include <cstdint>
#include <cstring>
extern "C" void look_up(const float* table, const int64_t* rows, float* out, int64_t words, int64_t dim, int64_t count) {
    for (int64_t i = 0; i < count; ++i) std::memcpy(out + i * dim, table + rows[i] * dim, dim * sizeof(float));
}
"""
ROW = 32 * 4
"""Bytes of a row."""


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    folder = tmp_path_factory.mktemp("problem")
    path = folder / "look_up.py"
    path.write_text(PROBLEM_FILE)
    return load_problem(path, cache=folder)


@pytest.fixture
def judge(problem: Problem, judge_cache: Path, tmp_path: Path) -> Iterator[LocalJudge]:
    with LocalJudge(problem, cache=judge_cache, lease=Lease(tmp_path / "lease")) as local:
        yield local


def test_what_a_lookup_does_not_read_need_not_be_moved(judge: LocalJudge, problem: Problem) -> None:
    shape = problem.workloads[0]
    moved = judge.describe()["traffic_bytes"]
    rows = (moved[str(shape)] - 64 * 8 - 64 * ROW) / ROW
    assert 55 <= rows <= 64, "rows that differ, of 64 drawn"
    assert traffic(problem, shape, judge.describe()) == moved[str(shape)]
    assert problem.traffic_bytes(shape) > 8 << 20
    found = judge.evaluate(
        Job(Candidate(problem.hash, "cpp", (("kernel.cpp", KERNEL),), problem.name), problem.hash, "promote")
    )
    assert isinstance(found, Passed), found
    assert 0 < found.environment["roofline"] < 0.5, "of the rows, not of the table"


def test_a_problem_may_say_what_must_be_moved(judge_cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "look_up.py"
    path.write_text(PROBLEM_FILE.replace("reference=look_up,", 'reference=look_up, traffic="8*count",'))
    problem = load_problem(path, cache=tmp_path)
    shape = problem.workloads[0]
    with LocalJudge(problem, cache=judge_cache, lease=Lease(tmp_path / "lease")) as judge:
        assert judge.describe()["traffic_bytes"] == {str(shape): 8 * 64}
