"""Matrix times vector."""

import torch

from warploom import Problem, Tensor, Workload


def matvec(a, x):
    return torch.matmul(a, x)


problem = Problem(
    name="matvec",
    title="matrix times vector, 1024 x 16384",
    axes=("rows", "cols"),
    inputs={"a": Tensor("rows cols"), "x": Tensor("cols")},
    outputs={"out": Tensor("rows")},
    reference=matvec,
    workloads=[Workload(rows=1024, cols=16384), Workload(rows=3000, cols=5000)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=1023),
        Workload(rows=131, cols=1, recipe="wide"),
        Workload(rows=1, cols=517, recipe="spikes"),
        Workload(rows=67, cols=129, recipe="tiny"),
        Workload(rows=61, cols=19, recipe="special"),
    ],
    operations="2*rows*cols",
)
