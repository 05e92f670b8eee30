"""KernelBench level 1, problem 23, in the size of robust-kbench: the softmax of long rows."""

import torch

from warploom import Problem, Tensor, Workload


def row_softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, dim=1)


problem = Problem(
    name="row_softmax",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=row_softmax,
    workloads=[Workload(rows=16, cols=16384)],
    held_out=[Workload(rows=3, cols=1000)],
)
