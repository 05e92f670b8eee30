"""Sum over the middle dimension."""

import torch

from warploom import Problem, Tensor, Workload


def sum_dim1(x):
    return torch.sum(x, dim=1, keepdim=True)


problem = Problem(
    name="sum_dim1",
    title="sum over dimension 1 of (batch, terms, cols)",
    axes=("batch", "terms", "cols"),
    inputs={"x": Tensor("batch terms cols")},
    outputs={"out": Tensor("batch 1 cols")},
    reference=sum_dim1,
    workloads=[Workload(batch=16, terms=512, cols=1024), Workload(batch=60, terms=100, cols=1300)],
    held_out=[
        Workload(batch=1, terms=1, cols=1),
        Workload(batch=3, terms=129, cols=37),
        Workload(batch=2, terms=63, cols=101, recipe="offset"),
        Workload(batch=1, terms=517, cols=19, recipe="wide"),
        Workload(batch=5, terms=11, cols=67, recipe="special"),
    ],
    operations="batch*terms*cols",
)
