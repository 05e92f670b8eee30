"""Layer normalisation of images: over channels, height and width together, with weight and bias."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def layer_norm(x, weight, bias):
    return functional.layer_norm(x, x.shape[1:], weight, bias, eps=1e-5)


problem = Problem(
    name="layer_norm",
    title="layer normalisation over (channels, height, width), 262144 values at a time",
    axes=("batch", "channels", "height", "width"),
    inputs={
        "x": Tensor("batch channels height width"),
        "weight": Tensor("channels height width"),
        "bias": Tensor("channels height width"),
    },
    outputs={"out": Tensor("batch channels height width")},
    reference=layer_norm,
    workloads=[
        Workload(batch=32, channels=64, height=64, width=64),
        Workload(batch=100, channels=20, height=50, width=80),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=1, width=2),
        Workload(batch=7, channels=37, height=3, width=13),
        Workload(batch=3, channels=5, height=11, width=9, recipe="offset"),
        Workload(batch=7, channels=3, height=1, width=43, recipe="tiny"),
        Workload(batch=11, channels=1, height=19, width=17, recipe="spikes"),
        Workload(batch=61, channels=3, height=11, width=1, recipe="special"),
    ],
)
