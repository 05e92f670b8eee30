"""What a reference does: counted by PyTorch in its own process, and what kind of problem that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from warploom.judge.work import count_work, kind_of
from warploom.problems.load import load_problem
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.work import Work

MANY = """
import torch
from torch.nn import functional

from warploom import Problem, Tensor, Workload


def many(x, weight, vector, query):
    product = x @ weight                                    # 2 m k n
    scanned = torch.cumsum(product, dim=-1)                 # m n
    pooled = functional.max_pool1d(scanned[None], 2)[0]     # m n
    activated = functional.gelu(pooled)                     # m n / 2
    image = functional.conv1d(activated[:, None], weight[:3, :4].T[:, :3, None][:1, :1])
    attended = functional.scaled_dot_product_attention(query, query, query)
    return image.sum() + torch.mv(weight, vector).sum() + attended.sum()


problem = Problem(
    name="many",
    axes=("m", "k", "n"),
    inputs={"x": Tensor("m k"), "weight": Tensor("k n"), "vector": Tensor("n"), "query": Tensor("1 1 m k")},
    outputs={"out": Tensor("")},
    reference=many,
    workloads=[Workload(m=8, k=16, n=32), Workload(m=16, k=16, n=32)],
)
"""


@pytest.mark.torch
def test_operations_are_counted_where_the_reference_runs(tmp_path: Path) -> None:
    (tmp_path / "many.py").write_text(MANY)
    work = count_work(load_problem(tmp_path / "many.py", tmp_path / "cache"), tmp_path / "cache")
    assert work.kind == "attention"

    def products(m: int, k: int, n: int) -> int:
        return 2 * m * k * n + 2 * (m * n // 2) + 2 * k * n + 4 * m * m * k

    assert work.products == {
        "m=8,k=16,n=32": products(8, 16, 32),
        "m=16,k=16,n=32": products(16, 16, 32),
    }
    rest = work.operations["m=8,k=16,n=32"] - work.products["m=8,k=16,n=32"]
    m, k, n = 8, 16, 32
    # scan, pooling and its half, activation, three sums, two additions
    assert rest == m * n + m * n + m * n // 2 + m * n // 2 + k + m * k + 1 + 1
    assert {"mm", "cumsum", "gelu", "convolution", "mv", "sum", "add"} <= set(work.operators)
    assert Work.from_plain(work.to_plain()) == work


def problem(inputs: list[str], outputs: list[str]) -> Problem:
    return Problem(
        "p",
        ("n", "m"),
        {f"x{number}": Tensor(shape) for number, shape in enumerate(inputs)},
        {f"out{number}": Tensor(shape) for number, shape in enumerate(outputs)},
        Reference("p.py", "p", "0" * 64),
        [Workload(n=8, m=4)],
    )


SAME = problem(["n m"], ["n m"])
LESS = problem(["n m"], ["n"])
LOSS = problem(["n m", "n m"], [""])
ONE = problem(["n m"], [""])


@pytest.mark.parametrize(
    ("kind", "stated", "functions", "operators", "pointwise"),
    [
        ("attention", SAME, ["scaled_dot_product_attention"], ["_scaled_dot_product_flash_attention_for_cpu"], False),
        ("attention", SAME, ["matmul", "softmax", "matmul"], ["bmm", "_softmax", "bmm"], False),
        ("gemm", SAME, ["linear", "softmax", "linear"], ["addmm", "_softmax", "addmm"], False),
        ("gemm", SAME, ["bmm", "softmax"], ["bmm", "_softmax"], False),
        ("conv", SAME, ["conv_transpose2d", "linear"], ["convolution", "addmm"], False),
        ("loss", LOSS, ["mse_loss"], ["mse_loss"], False),
        ("loss", ONE, ["kl_div"], ["log", "sub", "mul", "sum"], False),
        ("loss", LOSS, ["clamp", "mean"], ["mul", "rsub", "clamp", "mean"], False),
        ("reduction", ONE, ["sum"], ["sum"], False),
        ("scan", SAME, ["cumsum", "flip"], ["flip", "cumsum"], False),
        ("pooling", SAME, ["avg_pool2d"], ["avg_pool2d"], False),
        ("norm", SAME, ["layer_norm"], ["native_layer_norm"], False),
        ("norm", SAME, ["pow", "mean", "sqrt", "div"], ["pow", "mean", "sqrt", "div"], False),
        ("reduction", LESS, ["mean", "div"], ["mean", "div"], False),
        ("reduction", SAME, ["exp", "sum", "div"], ["exp", "sum", "div"], False),
        ("reduction", SAME, ["softmax"], ["_softmax"], False),
        ("pointwise", SAME, ["gelu"], ["gelu"], True),
        ("other", SAME, ["sort_of"], ["grid_sampler_2d"], False),
        ("other", SAME, ["cat"], ["cat"], False),
    ],
)
def test_the_kind_follows_from_the_operators(
    kind: str, stated: Problem, functions: list[str], operators: list[str], pointwise: bool
) -> None:
    assert kind_of(stated, functions, operators, pointwise) == kind


def test_work_that_is_none_is_refused() -> None:
    for plain in ({}, {"kind": "gemm"}, {"kind": "x", "operators": [], "operations": {}, "products": {}}):
        with pytest.raises(ValueError, match="not the work"):
            Work.from_plain(plain)
