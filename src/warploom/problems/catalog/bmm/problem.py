"""Many small matrix products."""

import torch

from warploom import Problem, Tensor, Workload


def bmm(a, b):
    return torch.bmm(a, b)


problem = Problem(
    name="bmm",
    title="batch of 512 matrix products of 64 x 64 x 64",
    axes=("batch", "rows", "inner", "cols"),
    inputs={"a": Tensor("batch rows inner"), "b": Tensor("batch inner cols")},
    outputs={"out": Tensor("batch rows cols")},
    reference=bmm,
    workloads=[Workload(batch=512, rows=64, inner=64, cols=64), Workload(batch=300, rows=80, inner=72, cols=70)],
    held_out=[
        Workload(batch=1, rows=1, inner=1, cols=1),
        Workload(batch=3, rows=19, inner=37, cols=35),
        Workload(batch=67, rows=5, inner=7, cols=17),
        Workload(batch=2, rows=33, inner=29, cols=3, recipe="wide"),
        Workload(batch=5, rows=1, inner=65, cols=43, recipe="spikes"),
        Workload(batch=2, rows=13, inner=11, cols=67, recipe="special"),
    ],
    operations="2*batch*rows*inner*cols",
)
