"""Rotary position embedding with the halves of each head rotated against one another."""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def rope(x, cosine, sine):
    half = x.shape[-1] // 2
    rotated = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cosine + rotated * sine


problem = Problem(
    name="rope",
    title="rotary position embedding of (heads, tokens, dim)",
    axes=("heads", "tokens", "dim"),
    inputs={"x": Tensor("heads tokens dim"), "cosine": Tensor("tokens dim"), "sine": Tensor("tokens dim")},
    outputs={"out": Tensor("heads tokens dim")},
    reference=rope,
    workloads=[Workload(heads=24, tokens=1024, dim=128), Workload(heads=40, tokens=900, dim=80)],
    held_out=[
        Workload(heads=1, tokens=1, dim=2),
        Workload(heads=3, tokens=37, dim=34),
        Workload(heads=2, tokens=5, dim=126, recipe="wide"),
        Workload(heads=5, tokens=1, dim=66, recipe="large"),
        Workload(heads=2, tokens=29, dim=38, recipe="special"),
    ],
    # Nothing is summed: a kernel is off by a rounding or two.
    tolerance=Tolerance(factor=8.0),
)
