"""Grouped-query attention of one new token a sequence against a key-value cache: 40 heads on 8, in bfloat16."""

from torch.nn import functional

from warploom import Problem, Tensor, Tolerance, Workload


def gqa_decode(query, keys, values):
    return functional.scaled_dot_product_attention(query[:, :, None], keys, values, enable_gqa=True)[:, :, 0]


problem = Problem(
    name="gqa_decode_bf16",
    title="decode attention of (batch, heads, 128), 40 query heads on 8 key-value heads, bfloat16",
    axes=("batch", "heads", "kv_heads", "context"),
    inputs={
        "query": Tensor("batch heads 128", "bfloat16"),
        "keys": Tensor("batch kv_heads context 128", "bfloat16"),
        "values": Tensor("batch kv_heads context 128", "bfloat16"),
    },
    outputs={"out": Tensor("batch heads 128", "bfloat16")},
    reference=gqa_decode,
    workloads=[
        Workload(batch=64, heads=40, kv_heads=8, context=4096),
        Workload(batch=32, heads=40, kv_heads=8, context=10000),
    ],
    held_out=[
        Workload(batch=1, heads=1, kv_heads=1, context=1),
        Workload(batch=2, heads=5, kv_heads=1, context=37),
        Workload(batch=1, heads=10, kv_heads=2, context=129),
        Workload(batch=3, heads=4, kv_heads=2, context=64, recipe="ties"),
        Workload(batch=1, heads=40, kv_heads=8, context=67, recipe="tiny"),
    ],
    operations="4*batch*heads*context*128",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=8.0),
)
