"""Product of a tall and a wide matrix: few terms in every sum, a large result."""

import torch

from warploom import Problem, Tensor, Workload


def matmul(a, b):
    return torch.matmul(a, b)


problem = Problem(
    name="matmul_tall_skinny",
    title="product of a tall and a wide matrix, inner dimension 32",
    axes=("rows", "inner", "cols"),
    inputs={"a": Tensor("rows inner"), "b": Tensor("inner cols")},
    outputs={"out": Tensor("rows cols")},
    reference=matmul,
    workloads=[Workload(rows=4096, inner=32, cols=4096), Workload(rows=5000, inner=24, cols=3000)],
    held_out=[
        Workload(rows=1, inner=1, cols=1),
        Workload(rows=131, inner=5, cols=67),
        Workload(rows=1, inner=33, cols=517),
        Workload(rows=257, inner=17, cols=1, recipe="wide"),
        Workload(rows=61, inner=31, cols=47, recipe="spikes"),
        Workload(rows=53, inner=7, cols=59, recipe="special"),
    ],
    operations="2*rows*inner*cols",
)
