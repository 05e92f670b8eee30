"""GELU in its tanh form, as transformer code of the GPT-2 line writes it."""

import math

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def gelu_tanh(x):
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))
    return 0.5 * x * (1.0 + torch.tanh(inner))


problem = Problem(
    name="gelu_tanh",
    title="GELU activation, tanh form, element by element",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=gelu_tanh,
    workloads=[Workload(rows=2048, cols=4096), Workload(rows=1000, cols=5000)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=131),
        Workload(rows=3, cols=1001, recipe="wide"),
        Workload(rows=61, cols=17, recipe="large"),
        Workload(rows=13, cols=95, recipe="special"),
    ],
    # Nothing is summed; a vectorised exponential may be a few units in the last place off.
    tolerance=Tolerance(factor=8.0),
)
