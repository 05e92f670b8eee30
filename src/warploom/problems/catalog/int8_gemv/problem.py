"""Matrix of 8-bit integers, one scale a row, times a float vector: the step of a quantised decoder."""

import torch

from warploom import Problem, Tensor, Workload


def int8_gemv(weight, scale, x):
    return torch.mv(weight.to(x.dtype), x) * scale


problem = Problem(
    name="int8_gemv",
    title="int8 matrix with a scale per row, times a float vector, 4096 x 8192",
    axes=("rows", "cols"),
    inputs={
        "weight": Tensor("rows cols", "int8", low=-127, high=128),
        "scale": Tensor("rows", scale=0.01),
        "x": Tensor("cols"),
    },
    outputs={"out": Tensor("rows")},
    reference=int8_gemv,
    workloads=[Workload(rows=4096, cols=8192), Workload(rows=7000, cols=5000)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=1023),
        Workload(rows=131, cols=3, recipe="wide"),
        Workload(rows=1, cols=517, recipe="spikes"),
        Workload(rows=67, cols=129, recipe="large"),
        Workload(rows=61, cols=19, recipe="special"),
    ],
    operations="2*rows*cols",
)
