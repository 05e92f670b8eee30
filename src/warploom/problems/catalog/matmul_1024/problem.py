"""Square matrix product, 1024."""

import torch

from warploom import Problem, Tensor, Workload


def matmul(a, b):
    return torch.matmul(a, b)


problem = Problem(
    name="matmul_1024",
    title="matrix product of about 1024 x 1024 x 1024",
    axes=("rows", "inner", "cols"),
    inputs={"a": Tensor("rows inner"), "b": Tensor("inner cols")},
    outputs={"out": Tensor("rows cols")},
    reference=matmul,
    workloads=[Workload(rows=1024, inner=1024, cols=1024), Workload(rows=1200, inner=720, cols=1100)],
    held_out=[
        Workload(rows=1, inner=1, cols=1),
        Workload(rows=37, inner=53, cols=51),
        Workload(rows=1, inner=257, cols=67),
        Workload(rows=45, inner=31, cols=1, recipe="wide"),
        Workload(rows=19, inner=43, cols=77, recipe="spikes"),
        Workload(rows=23, inner=29, cols=35, recipe="special"),
    ],
    operations="2*rows*inner*cols",
)
