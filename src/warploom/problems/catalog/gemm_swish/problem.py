"""Linear layer, Swish, division by two, clamp, tanh, clamp."""

import torch
from torch.nn import functional

from warploom import Problem, Tensor, Workload


def gemm_swish(x, weight, bias):
    y = functional.linear(x, weight, bias)
    y = y * torch.sigmoid(y) / 2.0
    y = torch.clamp(y, min=-1.0, max=1.0)
    y = torch.tanh(y)
    return torch.clamp(y, min=-1.0, max=1.0)


problem = Problem(
    name="gemm_swish",
    title="linear layer followed by Swish, halving, clamp, tanh and clamp",
    axes=("rows", "inner", "cols"),
    inputs={
        "x": Tensor("rows inner"),
        "weight": Tensor("cols inner", scale=0.03),
        "bias": Tensor("cols"),
    },
    outputs={"out": Tensor("rows cols")},
    reference=gemm_swish,
    workloads=[Workload(rows=512, inner=1024, cols=512), Workload(rows=400, inner=900, cols=700)],
    held_out=[
        Workload(rows=1, inner=1, cols=1),
        Workload(rows=37, inner=53, cols=51),
        Workload(rows=1, inner=257, cols=67),
        Workload(rows=45, inner=31, cols=1, recipe="wide"),
        Workload(rows=19, inner=43, cols=77, recipe="spikes"),
        Workload(rows=29, inner=23, cols=35, recipe="large"),
    ],
    operations="2*rows*inner*cols",
)
