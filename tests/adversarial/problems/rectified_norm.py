"""Small on purpose: a row reduction that cancels, zeros in the output, NaN where a row holds one.

The tolerance is pinned: the noise of one exhibit is made for it.
"""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def rectified_norm(x: torch.Tensor) -> torch.Tensor:
    """Each row with mean 0 and variance 1, negative values cut off."""
    return torch.relu(torch.nn.functional.layer_norm(x, x.shape[-1:]))


problem = Problem(
    name="rectified_norm",
    title="layer norm and ReLU, small",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=rectified_norm,
    workloads=[Workload(rows=64, cols=256)],
    held_out=[
        Workload(rows=1, cols=2),
        Workload(rows=7, cols=131),
        Workload(rows=5, cols=300, recipe="offset"),
        Workload(rows=40, cols=67, recipe="special"),
    ],
    tolerance=Tolerance(factor=6.0),
)
