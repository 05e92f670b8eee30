"""RMSNorm as a language model has it: over the last dimension, with a weight."""

import torch

from warploom import Problem, Tensor, Workload

EPSILON = 1e-6


def rms_norm_rows(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + EPSILON) * weight


problem = Problem(
    name="rms_norm_rows",
    title="RMS normalisation of each row, times a weight",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
    outputs={"out": Tensor("rows cols")},
    reference=rms_norm_rows,
    workloads=[Workload(rows=2048, cols=1024)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=131),
        Workload(rows=3, cols=1001, recipe="wide"),
        Workload(rows=61, cols=17, recipe="offset"),
        Workload(rows=5, cols=83, recipe="tiny"),
    ],
)
