"""A matrix product in bfloat16, over a table of shapes."""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def matmul(a, b):
    return torch.matmul(a, b)


problem = Problem(
    name="matmul_bf16",
    title="matrix product, bfloat16",
    axes=("m", "n", "k"),
    inputs={"a": Tensor("m k", "bfloat16"), "b": Tensor("k n", "bfloat16")},
    outputs={"out": Tensor("m n", "bfloat16")},
    reference=matmul,
    workloads=[
        Workload(m=8192, n=8192, k=8192),
        Workload(m=4096, n=4096, k=4096),
        Workload(m=4096, n=14336, k=4096),
        Workload(m=16, n=6144, k=4096),
    ],
    held_out=[
        Workload(m=1, n=1, k=1),
        Workload(m=37, n=41, k=43),
        Workload(m=65, n=129, k=64, recipe="offset"),
        Workload(m=128, n=64, k=96),
        Workload(m=5, n=136, k=264, recipe="ties"),
    ],
    operations="2*m*n*k",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
