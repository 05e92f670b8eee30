"""Small on purpose: every element costs much arithmetic and little memory, so that work saved shows."""

import torch

from warploom import Problem, Tensor, Workload


def smooth_curve(x: torch.Tensor) -> torch.Tensor:
    """The hyperbolic tangent and the error function, added: odd, so that signs can be taken out."""
    return torch.tanh(x) + torch.erf(x)


problem = Problem(
    name="smooth_curve",
    title="two smooth functions of each element, small",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=smooth_curve,
    workloads=[Workload(n=2048)],
    held_out=[Workload(n=1), Workload(n=1003), Workload(n=5000, recipe="wide"), Workload(n=300, recipe="special")],
)
