"""Softmax over the last dimension, in bfloat16."""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def softmax(x):
    return torch.softmax(x, dim=-1)


problem = Problem(
    name="softmax_bf16",
    title="softmax over the rows of a matrix, bfloat16",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols", "bfloat16")},
    outputs={"out": Tensor("rows cols", "bfloat16")},
    reference=softmax,
    workloads=[Workload(rows=16384, cols=4096), Workload(rows=4096, cols=16384), Workload(rows=32768, cols=2000)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=3, cols=4099),
        Workload(rows=5, cols=77, recipe="large"),
        Workload(rows=9, cols=1024, recipe="offset"),
        Workload(rows=6, cols=1023, recipe="ties"),
    ],
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
