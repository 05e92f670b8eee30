"""A bad problem, on purpose: the timed shape is drawn so that its answer is known beforehand."""

import torch

from warploom import Problem, Tensor, Workload


def known_answer(x: torch.Tensor) -> torch.Tensor:
    """The sum of each row."""
    return x.sum(dim=1)


problem = Problem(
    name="known_answer",
    title="row sums of zeros, small",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows")},
    reference=known_answer,
    workloads=[Workload(rows=512, cols=2048, recipe="zeros")],
    held_out=[Workload(rows=1, cols=1), Workload(rows=17, cols=1001)],
    operations="rows*cols",
)
