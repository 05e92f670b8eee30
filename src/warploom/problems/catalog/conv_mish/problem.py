"""3 x 3 convolution, then the Mish activation twice."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def conv_mish(x, weight, bias):
    return functional.mish(functional.mish(functional.conv2d(x, weight, bias)))


problem = Problem(
    name="conv_mish",
    title="convolution 3 x 3 followed by Mish twice",
    axes=("batch", "channels", "height", "width", "filters"),
    inputs={
        "x": Tensor("batch channels height width"),
        "weight": Tensor("filters channels 3 3", scale=0.1),
        "bias": Tensor("filters"),
    },
    outputs={"out": Tensor("batch filters height-2 width-2")},
    reference=conv_mish,
    workloads=[
        Workload(batch=8, channels=32, height=64, width=64, filters=64),
        Workload(batch=6, channels=40, height=50, width=74, filters=56),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=3, width=3, filters=1),
        Workload(batch=2, channels=5, height=11, width=19, filters=7),
        Workload(batch=1, channels=3, height=4, width=37, filters=9, recipe="wide"),
        Workload(batch=3, channels=1, height=13, width=5, filters=3, recipe="large"),
        Workload(batch=1, channels=2, height=17, width=21, filters=3, recipe="special"),
    ],
    operations="18*batch*filters*(height-2)*(width-2)*channels",
)
