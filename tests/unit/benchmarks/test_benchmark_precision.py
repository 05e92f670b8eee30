"""The precision table counts what it says it counts."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from warploom.judge.comparison.tolerance import Calibrated
from warploom.values.problem import Problem, Reference, Tensor, Workload

pytestmark = pytest.mark.torch

MATMUL = Problem(
    "matmul",
    ("m", "k", "n"),
    {"a": Tensor("m k"), "b": Tensor("k n")},
    {"out": Tensor("m n")},
    Reference("p.py", "p", ""),
    [Workload(m=9, k=300, n=8)],
    [Workload(m=3, k=100, n=5)],
)
RUNNING = Problem(
    "running", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference("p.py", "p", ""), [Workload(n=50)]
)


@pytest.fixture(scope="module")
def precision() -> ModuleType:
    return importlib.import_module("benchmarks.precision")


def test_errors_are_in_tolerances_and_a_wrong_kind_is_infinite(precision: ModuleType) -> None:
    found = Calibrated(np.array([1.0, np.nan, np.inf], "f4"), np.array([0.5, 0.5, 0.5], "f4"), None, 0.0)
    assert precision.units(torch.tensor([2.0, math.nan, math.inf]), found) == 2.0
    assert precision.units(torch.tensor([1.0, 0.0, math.inf]), found) == math.inf
    assert precision.units(torch.tensor([1.25, 0.0, 0.0]), found, kinds=False) == 0.5
    either = Calibrated(found.expected, found.tolerance, np.array([1.0, 0.0, 0.0], "f4"), 0.0)
    assert precision.units(torch.tensor([1.0, 0.0, 0.0]), either) == 0.0


def test_other_orders_of_a_sum_are_found_in_float64(precision: ModuleType) -> None:
    rng = np.random.default_rng(0)
    workload = MATMUL.workloads[0]
    tensors = precision.drawn(MATMUL, workload, rng)

    def matmul(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (a @ b,)

    found = precision.orders(MATMUL, matmul, tensors, workload, MATMUL.axes, rng)
    assert [title for title, _, _ in found] == [
        f"{axis} {order}" for axis in "mkn" for order in ("reversed", "in random order")
    ]
    exact = tensors[0].double() @ tensors[1].double()
    for _, inputs, put_back in found:
        assert torch.allclose(put_back(inputs[0].double() @ inputs[1].double()), exact)
    assert torch.equal(found[2][1][0], tensors[0].flip(1))

    def running(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (x.cumsum(0),)

    at = RUNNING.workloads[0]
    assert precision.orders(RUNNING, running, precision.drawn(RUNNING, at, rng), at, ["n"], rng) == []


def test_only_axes_that_are_summed_count(precision: ModuleType) -> None:
    def matmul(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (a @ b,)

    def in_order(tensors: Sequence[torch.Tensor], workload: Workload) -> torch.Tensor:
        a, b = tensors
        total = torch.zeros(a.shape[0], b.shape[1])
        for k in range(a.shape[1]):
            total = total + a[:, k : k + 1] * b[k : k + 1]
        return total

    assert precision.summed_axes(MATMUL, matmul, in_order, np.random.default_rng(1)) == ["k"]


def test_a_row_tells_the_nearest_of_both_sides(precision: ModuleType) -> None:
    row = precision.Row("p", 32.0)
    for title, units in (("serial", 0.25), ("blocked", 0.5)):
        row.honest.setdefault(title, precision.Worst()).see(units, "n=1")
    for title, units in (("inputs in float16", 90.0), ("outputs in float16", 60.0)):
        row.shortcuts.setdefault(title, precision.Worst()).see(units, "n=1")
        row.shortcuts[title].see(1.0, "n=2")
    row.bits = 19
    assert precision.table([row]).splitlines()[-1] == ("| p | 32 | 0.50 | blocked | 60 | outputs in float16 | 19 |")


def test_the_fewest_bits_are_found_by_halving(precision: ModuleType) -> None:
    for wanted in (8, 9, 17, 23, 24):
        assert precision.fewest_bits(lambda bits, wanted=wanted: bits >= wanted) == wanted


def test_rows_are_kept_while_settings_and_problem_stay(
    precision: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = precision.Row("softmax", 64.0, bits=18, failed={"moves": "crash"}, seconds=1.0)
    row.honest["serial"] = precision.Worst(math.inf, "n=1")
    row.shortcuts["inputs in float16"] = precision.Worst(90.0, "n=2")
    path = tmp_path / "precision.json"
    about = {"seed": 0}
    path.write_text(json.dumps({**about, "rows": [precision.to_object(row)]}, allow_nan=False))
    assert precision.kept(path, about) == [row]
    assert precision.kept(path, {"seed": 1}) == []
    assert precision.kept(tmp_path / "nothing.json", about) == []
    monkeypatch.setattr(precision, "problem_hash", lambda row: "another")
    assert precision.kept(path, about) == []
