"""Decode attention of one new token with the heads of Qwen3-0.6B: 16 query heads on 8 key-value heads."""

from torch.nn import functional

from warploom import Problem, Tensor, Workload


def gqa_decode(query, keys, values):
    attended = functional.scaled_dot_product_attention(query[None, :, None], keys[None], values[None], enable_gqa=True)
    return attended[0, :, 0]


problem = Problem(
    name="gqa_decode",
    title="decode attention, 16 query heads sharing 8 key-value heads, context 4096",
    axes=("heads", "kv_heads", "context", "dim"),
    inputs={
        "query": Tensor("heads dim"),
        "keys": Tensor("kv_heads context dim"),
        "values": Tensor("kv_heads context dim"),
    },
    outputs={"out": Tensor("heads dim")},
    reference=gqa_decode,
    workloads=[
        Workload(heads=16, kv_heads=8, context=4096, dim=128),
        Workload(heads=16, kv_heads=8, context=3000, dim=128),
    ],
    held_out=[
        Workload(heads=1, kv_heads=1, context=1, dim=1),
        Workload(heads=10, kv_heads=2, context=37, dim=128),
        Workload(heads=6, kv_heads=2, context=45, dim=20, recipe="offset"),
        Workload(heads=3, kv_heads=3, context=129, dim=33),
        Workload(heads=5, kv_heads=1, context=67, dim=64, recipe="spikes"),
        Workload(heads=16, kv_heads=8, context=3, dim=128, recipe="wide"),
    ],
    operations="4*heads*context*dim",
)
