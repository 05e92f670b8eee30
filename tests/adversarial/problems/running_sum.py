"""Small on purpose: an output whose errors grow along each row, so that one tolerance for all of it would be loose."""

import torch

from warploom import Problem, Tensor, Workload


def running_sum(x: torch.Tensor) -> torch.Tensor:
    """Sums of the first 1, 2, … elements of each row."""
    return x.cumsum(dim=1)


problem = Problem(
    name="running_sum",
    title="running sum of each row, small",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=running_sum,
    workloads=[Workload(rows=16, cols=4096)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=3, cols=777), Workload(rows=2, cols=1025, recipe="wide")],
)
