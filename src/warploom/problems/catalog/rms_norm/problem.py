"""Root-mean-square normalisation over the channels of an image batch."""

import torch

from warploom import Problem, Tensor, Workload

EPSILON = 1e-5


def rms_norm(x):
    rms = torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + EPSILON)
    return x / rms


problem = Problem(
    name="rms_norm",
    title="RMS normalisation over dimension 1 of (batch, channels, height, width)",
    axes=("batch", "channels", "height", "width"),
    inputs={"x": Tensor("batch channels height width")},
    outputs={"out": Tensor("batch channels height width")},
    reference=rms_norm,
    workloads=[
        Workload(batch=16, channels=64, height=64, width=64),
        Workload(batch=4, channels=192, height=80, width=72),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=1, width=1),
        Workload(batch=3, channels=37, height=7, width=13),
        Workload(batch=2, channels=5, height=1, width=83, recipe="tiny"),
        Workload(batch=2, channels=65, height=9, width=3, recipe="offset"),
        Workload(batch=3, channels=7, height=11, width=17, recipe="special"),
    ],
)
