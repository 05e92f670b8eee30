"""Softmax over the last dimension."""

import torch

from warploom import Problem, Tensor, Workload


def softmax(x):
    return torch.softmax(x, dim=-1)


problem = Problem(
    name="softmax",
    title="softmax over the rows of a matrix",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=softmax,
    workloads=[Workload(rows=2048, cols=4096), Workload(rows=8192, cols=1000)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=1023),
        Workload(rows=5, cols=77, recipe="large"),
        Workload(rows=9, cols=67, recipe="offset"),
        Workload(rows=61, cols=33, recipe="special"),
    ],
)
