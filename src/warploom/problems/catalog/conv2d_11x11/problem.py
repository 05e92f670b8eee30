"""Convolution with an 11 x 11 kernel and stride 4, as in the first layer of AlexNet."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def conv2d(x, weight, bias):
    return functional.conv2d(x, weight, bias, stride=4)


problem = Problem(
    name="conv2d_11x11",
    title="convolution 11 x 11, stride 4, 3 to 96 channels",
    axes=("batch", "channels", "height", "width", "filters"),
    inputs={
        "x": Tensor("batch channels height width"),
        "weight": Tensor("filters channels 11 11", scale=0.05),
        "bias": Tensor("filters"),
    },
    outputs={"out": Tensor("batch filters (height-11)//4+1 (width-11)//4+1")},
    reference=conv2d,
    workloads=[
        Workload(batch=4, channels=3, height=227, width=227, filters=96),
        Workload(batch=3, channels=4, height=203, width=251, filters=80),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=11, width=11, filters=1),
        Workload(batch=2, channels=3, height=19, width=26, filters=5),
        Workload(batch=1, channels=2, height=12, width=37, filters=7, recipe="wide"),
        Workload(batch=3, channels=1, height=29, width=13, filters=3, recipe="spikes"),
        Workload(batch=1, channels=1, height=43, width=25, filters=6, recipe="special"),
    ],
    operations="2*batch*filters*((height-11)//4+1)*((width-11)//4+1)*channels*121",
)
