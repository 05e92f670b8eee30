"""A sparse matrix times a vector, the matrix in compressed rows (CSR), in float32.

Each row has a beginning and a length of its own, the form with four arrays that sparse libraries also take: inputs are
drawn element by element, and so cannot be the running sums that one array of row pointers would hold.
"""

import torch

from warploom import Problem, Tensor, Workload


def spmv(values, columns, begins, lengths, x):
    steps = torch.arange(int(lengths.max()), device=values.device)
    entries = (begins[:, None] + steps).long()
    products = values[entries] * x[columns[entries].long()]
    return torch.where(steps < lengths[:, None], products, 0.0).sum(1)


problem = Problem(
    name="spmv",
    title="sparse matrix times vector, compressed rows, float32",
    axes=("rows", "cols", "entries", "most"),
    inputs={
        "values": Tensor("entries"),
        "columns": Tensor("entries", "int32", low=0, high="cols"),
        "begins": Tensor("rows", "int32", low=0, high="entries-most+1"),
        "lengths": Tensor("rows", "int32", low=0, high="most+1"),
        "x": Tensor("cols"),
    },
    outputs={"out": Tensor("rows")},
    reference=spmv,
    workloads=[
        Workload(rows=1000000, cols=1000000, entries=32000000, most=64),
        Workload(rows=200000, cols=500000, entries=40000000, most=400),
    ],
    held_out=[
        Workload(rows=1, cols=1, entries=1, most=1),
        Workload(rows=37, cols=83, entries=999, most=45),
        Workload(rows=101, cols=17, entries=500, most=3, recipe="wide"),
        Workload(rows=5, cols=1000, entries=4000, most=700, recipe="offset"),
        Workload(rows=67, cols=64, entries=640, most=64, recipe="special"),
    ],
    operations="rows*most",
)
