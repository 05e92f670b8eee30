"""Cross-entropy of each row of class scores, in bfloat16."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def cross_entropy(scores, labels):
    return functional.cross_entropy(scores, labels, reduction="none")


problem = Problem(
    name="cross_entropy_bf16",
    title="cross-entropy of (rows, classes) scores against class labels, a loss a row, bfloat16",
    axes=("rows", "classes"),
    inputs={
        "scores": Tensor("rows classes", "bfloat16"),
        "labels": Tensor("rows", "int64", low=0, high="classes"),
    },
    outputs={"out": Tensor("rows", "bfloat16")},
    reference=cross_entropy,
    workloads=[Workload(rows=4096, classes=32000), Workload(rows=2048, classes=128256)],
    held_out=[
        Workload(rows=1, classes=1),
        Workload(rows=3, classes=4099),
        Workload(rows=9, classes=10, recipe="large"),
        Workload(rows=5, classes=1024, recipe="offset"),
        Workload(rows=7, classes=333, recipe="ties"),
    ],
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
