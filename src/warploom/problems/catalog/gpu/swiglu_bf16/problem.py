"""The gated activation of large language models, in bfloat16."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def swiglu(gate, up):
    return functional.silu(gate) * up


problem = Problem(
    name="swiglu_bf16",
    title="silu(gate) times up, element by element, bfloat16",
    axes=("rows", "cols"),
    inputs={"gate": Tensor("rows cols", "bfloat16"), "up": Tensor("rows cols", "bfloat16")},
    outputs={"out": Tensor("rows cols", "bfloat16")},
    reference=swiglu,
    workloads=[Workload(rows=8192, cols=14336), Workload(rows=10000, cols=11008)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=1023),
        Workload(rows=5, cols=77, recipe="wide"),
        Workload(rows=8, cols=1024, recipe="large"),
        Workload(rows=9, cols=67, recipe="special"),
    ],
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=4.0),
)
