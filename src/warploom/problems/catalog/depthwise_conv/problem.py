"""Depthwise 3 x 3 convolution: every channel has a kernel of its own."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def depthwise_conv(x, weight):
    return functional.conv2d(x, weight, groups=x.shape[1])


problem = Problem(
    name="depthwise_conv",
    title="depthwise convolution 3 x 3",
    axes=("batch", "channels", "height", "width"),
    inputs={"x": Tensor("batch channels height width"), "weight": Tensor("channels 1 3 3")},
    outputs={"out": Tensor("batch channels height-2 width-2")},
    reference=depthwise_conv,
    workloads=[
        Workload(batch=8, channels=64, height=128, width=128),
        Workload(batch=4, channels=80, height=150, width=146),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=3, width=3),
        Workload(batch=2, channels=5, height=19, width=37),
        Workload(batch=1, channels=3, height=4, width=70, recipe="wide"),
        Workload(batch=3, channels=7, height=23, width=5, recipe="spikes"),
        Workload(batch=2, channels=3, height=21, width=35, recipe="special"),
    ],
    operations="18*batch*channels*(height-2)*(width-2)",
)
