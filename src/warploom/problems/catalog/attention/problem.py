"""Full attention of a prompt, no mask, float32."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def attention(query, keys, values):
    return functional.scaled_dot_product_attention(query[None], keys[None], values[None])[0]


problem = Problem(
    name="attention",
    title="attention of 8 heads over 512 tokens, dimension 128, no mask",
    axes=("heads", "tokens", "dim"),
    inputs={
        "query": Tensor("heads tokens dim"),
        "keys": Tensor("heads tokens dim"),
        "values": Tensor("heads tokens dim"),
    },
    outputs={"out": Tensor("heads tokens dim")},
    reference=attention,
    workloads=[Workload(heads=8, tokens=512, dim=128), Workload(heads=10, tokens=600, dim=64)],
    held_out=[
        Workload(heads=1, tokens=1, dim=1),
        Workload(heads=2, tokens=37, dim=33),
        Workload(heads=3, tokens=19, dim=128),
        Workload(heads=1, tokens=67, dim=20, recipe="offset"),
        Workload(heads=2, tokens=29, dim=64, recipe="spikes"),
    ],
    operations="4*heads*tokens*tokens*dim",
)
