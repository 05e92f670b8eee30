"""Causal grouped-query attention over a whole prompt: 40 query heads on 8 key-value heads, in bfloat16."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def gqa_prefill(query, keys, values):
    return functional.scaled_dot_product_attention(
        query[None], keys[None], values[None], is_causal=True, enable_gqa=True
    )[0]


problem = Problem(
    name="gqa_prefill_bf16",
    title="causal attention of (heads, tokens, 128), 40 query heads on 8 key-value heads, bfloat16",
    axes=("heads", "kv_heads", "tokens"),
    inputs={
        "query": Tensor("heads tokens 128", "bfloat16"),
        "keys": Tensor("kv_heads tokens 128", "bfloat16"),
        "values": Tensor("kv_heads tokens 128", "bfloat16"),
    },
    outputs={"out": Tensor("heads tokens 128", "bfloat16")},
    reference=gqa_prefill,
    workloads=[Workload(heads=40, kv_heads=8, tokens=4096), Workload(heads=40, kv_heads=8, tokens=8000)],
    held_out=[
        Workload(heads=1, kv_heads=1, tokens=1),
        Workload(heads=5, kv_heads=1, tokens=37),
        Workload(heads=4, kv_heads=2, tokens=129),
        Workload(heads=2, kv_heads=2, tokens=64, recipe="ties"),
        Workload(heads=3, kv_heads=1, tokens=67, recipe="tiny"),
    ],
    operations="2*heads*tokens*tokens*128",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=8.0),
)
