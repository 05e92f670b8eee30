"""Square matrix product, 512."""

import torch

from warploom import Problem, Tensor, Workload


def matmul(a, b):
    return torch.matmul(a, b)


problem = Problem(
    name="matmul_512",
    title="matrix product of about 512 x 512 x 512",
    axes=("rows", "inner", "cols"),
    inputs={"a": Tensor("rows inner"), "b": Tensor("inner cols")},
    outputs={"out": Tensor("rows cols")},
    reference=matmul,
    workloads=[Workload(rows=512, inner=512, cols=512), Workload(rows=384, inner=640, cols=480)],
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
