"""KernelBench level 1, problem 1, smaller: the product of two square matrices."""

import torch

from warploom import Problem, Tensor, Workload


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a @ b


problem = Problem(
    name="product",
    axes=("n",),
    inputs={"a": Tensor("n n"), "b": Tensor("n n")},
    outputs={"c": Tensor("n n")},
    reference=product,
    workloads=[Workload(n=256)],
    held_out=[Workload(n=1), Workload(n=67)],
    operations="2*n*n*n",
)
