"""Root-mean-square normalisation of rows, with a weight, in bfloat16."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload

EPSILON = 1e-5


def rms_norm(x, weight):
    return functional.rms_norm(x, x.shape[-1:], weight, EPSILON)


problem = Problem(
    name="rms_norm_bf16",
    title="RMS normalisation of rows, bfloat16",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols", "bfloat16"), "weight": Tensor("cols", "bfloat16")},
    outputs={"out": Tensor("rows cols", "bfloat16")},
    reference=rms_norm,
    workloads=[Workload(rows=16384, cols=4096), Workload(rows=8192, cols=8192), Workload(rows=16384, cols=5120)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=3, cols=4099),
        Workload(rows=7, cols=768, recipe="tiny"),
        Workload(rows=5, cols=77, recipe="offset"),
        Workload(rows=9, cols=1024, recipe="spikes"),
    ],
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
