"""Small on purpose: a long reduction with a short output."""

import torch

from warploom import Problem, Tensor, Workload


def weighted_sums(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The product of a matrix with a vector."""
    return x @ weight


problem = Problem(
    name="weighted_sums",
    title="matrix times vector, small",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
    outputs={"out": Tensor("rows")},
    reference=weighted_sums,
    workloads=[Workload(rows=64, cols=4096)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=17, cols=1001),
        Workload(rows=9, cols=4096, recipe="spikes"),
        Workload(rows=33, cols=515, recipe="wide"),
    ],
    operations="2*rows*cols",
)
