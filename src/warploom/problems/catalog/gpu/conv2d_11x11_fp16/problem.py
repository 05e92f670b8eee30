"""Convolution with an 11 x 11 kernel and stride 4, as in the first layer of AlexNet, in float16."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def conv2d(x, weight, bias):
    return functional.conv2d(x, weight, bias, stride=4)


problem = Problem(
    name="conv2d_11x11_fp16",
    title="convolution 11 x 11, stride 4, 3 to 96 channels, float16",
    axes=("batch", "channels", "height", "width", "filters"),
    inputs={
        "x": Tensor("batch channels height width", "float16"),
        "weight": Tensor("filters channels 11 11", "float16", scale=0.05),
        "bias": Tensor("filters", "float16"),
    },
    outputs={"out": Tensor("batch filters (height-11)//4+1 (width-11)//4+1", "float16")},
    reference=conv2d,
    workloads=[
        Workload(batch=256, channels=3, height=227, width=227, filters=96),
        Workload(batch=128, channels=4, height=203, width=251, filters=80),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=11, width=11, filters=1),
        Workload(batch=2, channels=3, height=19, width=26, filters=5),
        Workload(batch=1, channels=2, height=12, width=37, filters=7, recipe="offset"),
        Workload(batch=3, channels=1, height=29, width=13, filters=33, recipe="ties"),
        Workload(batch=1, channels=1, height=43, width=45, filters=6),
    ],
    operations="2*batch*filters*((height-11)//4+1)*((width-11)//4+1)*channels*121",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
