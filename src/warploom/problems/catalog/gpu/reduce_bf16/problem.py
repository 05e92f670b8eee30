"""The sum of each row, in bfloat16."""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def reduce(x):
    return torch.sum(x, dim=-1)


problem = Problem(
    name="reduce_bf16",
    title="sums of the rows of a matrix, bfloat16",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols", "bfloat16")},
    outputs={"out": Tensor("rows", "bfloat16")},
    reference=reduce,
    workloads=[Workload(rows=16384, cols=8192), Workload(rows=131072, cols=1000), Workload(rows=2048, cols=65536)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=3, cols=4099),
        Workload(rows=17, cols=77, recipe="wide"),
        Workload(rows=9, cols=1024, recipe="offset"),
        Workload(rows=5, cols=333, recipe="special"),
    ],
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
