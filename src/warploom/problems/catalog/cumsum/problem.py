"""Running sum along the last dimension."""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def cumsum(x):
    return torch.cumsum(x, dim=-1)


problem = Problem(
    name="cumsum",
    title="running sum along each row",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=cumsum,
    workloads=[Workload(rows=8000, cols=1000), Workload(rows=12000, cols=600)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=1023),
        Workload(rows=3, cols=517, recipe="offset"),
        Workload(rows=19, cols=67, recipe="wide"),
        Workload(rows=61, cols=33, recipe="special"),
    ],
    # PyTorch keeps the running sum in double; a running float sum is less exact, and right all the same.
    tolerance=Tolerance(factor=128.0),
    operations="rows*cols",
)
