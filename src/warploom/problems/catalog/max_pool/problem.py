"""Two-dimensional max pooling, window 4 x 4, stride 1."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def max_pool(x):
    return functional.max_pool2d(x, kernel_size=4, stride=1)


problem = Problem(
    name="max_pool",
    title="max pooling with a 4 x 4 window and stride 1",
    axes=("batch", "channels", "height", "width"),
    inputs={"x": Tensor("batch channels height width")},
    outputs={"out": Tensor("batch channels height-3 width-3")},
    reference=max_pool,
    workloads=[
        Workload(batch=4, channels=32, height=128, width=128),
        Workload(batch=2, channels=40, height=150, width=166),
    ],
    held_out=[
        Workload(batch=1, channels=1, height=4, width=4),
        Workload(batch=2, channels=3, height=19, width=37),
        Workload(batch=1, channels=2, height=5, width=70, recipe="large"),
        Workload(batch=3, channels=1, height=23, width=6, recipe="ties"),
        Workload(batch=2, channels=2, height=21, width=35, recipe="special"),
    ],
    # Nothing is computed: the result is one of the inputs.
    tolerance=Tolerance(factor=8.0),
)
