"""SwiGLU: the gate's SiLU times the other half of the projection."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def swiglu(gate, up):
    return functional.silu(gate) * up


problem = Problem(
    name="swiglu",
    title="silu(gate) * up, element by element",
    axes=("rows", "cols"),
    inputs={"gate": Tensor("rows cols"), "up": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=swiglu,
    workloads=[Workload(rows=2048, cols=3072), Workload(rows=1000, cols=5500)],
    held_out=[
        Workload(rows=1, cols=1),
        Workload(rows=37, cols=131),
        Workload(rows=3, cols=1001, recipe="wide"),
        Workload(rows=61, cols=17, recipe="large"),
        Workload(rows=13, cols=95, recipe="special"),
    ],
    # Nothing is summed; a vectorised exponential may be a few units in the last place off.
    tolerance=Tolerance(factor=8.0),
)
