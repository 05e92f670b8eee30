"""Mean cross-entropy of class scores."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def cross_entropy(scores, labels):
    return functional.cross_entropy(scores, labels)


problem = Problem(
    name="cross_entropy",
    title="mean cross-entropy of (rows, classes) scores against class labels",
    axes=("rows", "classes"),
    inputs={"scores": Tensor("rows classes"), "labels": Tensor("rows", "int64", low=0, high="classes")},
    outputs={"out": Tensor("")},
    reference=cross_entropy,
    workloads=[Workload(rows=4096, classes=2048), Workload(rows=8000, classes=1000)],
    held_out=[
        Workload(rows=1, classes=1),
        Workload(rows=37, classes=1023),
        Workload(rows=129, classes=10, recipe="large"),
        Workload(rows=5, classes=67, recipe="offset"),
        Workload(rows=67, classes=33, recipe="ties"),
    ],
)
