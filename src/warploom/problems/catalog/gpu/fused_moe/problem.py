"""A layer of chosen experts: each token goes through the SwiGLU networks of its experts and their weighted sum."""

import torch
from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def fused_moe(x, experts, weights, gate, up, down):
    out = torch.zeros_like(x)
    for expert in range(gate.shape[0]):
        share = torch.where(experts == expert, weights, torch.zeros_like(weights)).sum(1)
        tokens = (experts == expert).any(1).nonzero()[:, 0]
        inner = functional.silu(x[tokens] @ gate[expert].T) * (x[tokens] @ up[expert].T)
        out = out.index_add(0, tokens, share[tokens, None] * (inner @ down[expert]))
    return out


problem = Problem(
    name="fused_moe",
    title="mixture of experts: SwiGLU of each token's chosen experts, bfloat16",
    axes=("tokens", "slots", "total", "hidden", "inner"),
    inputs={
        "x": Tensor("tokens hidden", "bfloat16"),
        "experts": Tensor("tokens slots", "int32", low=0, high="total"),
        "weights": Tensor("tokens slots", "bfloat16", positive=True),
        "gate": Tensor("total inner hidden", "bfloat16", scale=0.05),
        "up": Tensor("total inner hidden", "bfloat16", scale=0.05),
        "down": Tensor("total inner hidden", "bfloat16", scale=0.05),
    },
    outputs={"out": Tensor("tokens hidden", "bfloat16")},
    reference=fused_moe,
    workloads=[
        Workload(tokens=128, slots=4, total=32, hidden=1024, inner=512),
        Workload(tokens=512, slots=2, total=8, hidden=1000, inner=768),
    ],
    held_out=[
        Workload(tokens=1, slots=1, total=1, hidden=1, inner=1),
        Workload(tokens=5, slots=2, total=3, hidden=37, inner=19),
        Workload(tokens=3, slots=3, total=4, hidden=128, inner=64, recipe="ties"),
        Workload(tokens=7, slots=1, total=2, hidden=65, inner=33, recipe="tiny"),
    ],
    operations="6*tokens*slots*hidden*inner",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=8.0),
)
