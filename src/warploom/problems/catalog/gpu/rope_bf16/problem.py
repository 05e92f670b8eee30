"""Rotary position embedding with the halves of each head rotated against one another, in bfloat16."""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def rope(x, cosine, sine):
    half = x.shape[-1] // 2
    rotated = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cosine + rotated * sine


problem = Problem(
    name="rope_bf16",
    title="rotary position embedding of (heads, tokens, dim), bfloat16",
    axes=("heads", "tokens", "dim"),
    inputs={
        "x": Tensor("heads tokens dim", "bfloat16"),
        "cosine": Tensor("tokens dim", "bfloat16"),
        "sine": Tensor("tokens dim", "bfloat16"),
    },
    outputs={"out": Tensor("heads tokens dim", "bfloat16")},
    reference=rope,
    workloads=[Workload(heads=64, tokens=8192, dim=128), Workload(heads=40, tokens=16000, dim=80)],
    held_out=[
        Workload(heads=1, tokens=1, dim=2),
        Workload(heads=3, tokens=17, dim=34),
        Workload(heads=2, tokens=5, dim=126, recipe="wide"),
        Workload(heads=5, tokens=1, dim=66, recipe="large"),
        Workload(heads=2, tokens=9, dim=128, recipe="spikes"),
    ],
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
