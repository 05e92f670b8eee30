"""The vector sum of GPU MODE's reference-kernels: one number out of many."""

import torch

from warploom import Problem, Tensor, Workload


def vector_sum(x: torch.Tensor) -> torch.Tensor:
    return x.sum().reshape(1)


problem = Problem(
    name="vector_sum",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("1")},
    reference=vector_sum,
    workloads=[Workload(n=1638400)],
    held_out=[Workload(n=1023)],
)
