"""The triangular multiplication of protein models (outgoing edges), from the projections to the product.

Gates and mask are applied to both projections, then each pair of rows meets over the third index. The normalisations
and the projections around it are launches of their own.
"""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def trimul(left, left_gate, right, right_gate, mask):
    left = left * torch.sigmoid(left_gate) * mask[..., None]
    right = right * torch.sigmoid(right_gate) * mask[..., None]
    return torch.einsum("bikd,bjkd->bijd", left, right)


problem = Problem(
    name="trimul",
    title="triangular multiplication, outgoing edges, with gates and mask, bfloat16",
    axes=("batch", "size", "dim"),
    inputs={
        "left": Tensor("batch size size dim", "bfloat16"),
        "left_gate": Tensor("batch size size dim", "bfloat16"),
        "right": Tensor("batch size size dim", "bfloat16"),
        "right_gate": Tensor("batch size size dim", "bfloat16"),
        "mask": Tensor("batch size size", "bfloat16"),
    },
    outputs={"out": Tensor("batch size size dim", "bfloat16")},
    reference=trimul,
    workloads=[Workload(batch=1, size=256, dim=128), Workload(batch=2, size=200, dim=64)],
    held_out=[
        Workload(batch=1, size=1, dim=1),
        Workload(batch=2, size=17, dim=5),
        Workload(batch=1, size=37, dim=16, recipe="ties"),
        Workload(batch=1, size=19, dim=33, recipe="tiny"),
    ],
    operations="2*batch*size*size*size*dim",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=8.0),
)
