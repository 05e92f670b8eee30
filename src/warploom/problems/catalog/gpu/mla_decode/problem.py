"""Decoding with multi-head latent attention, as in DeepSeek's models, the query's rotary embedding included.

The cache holds a latent vector of 512 and a rotated key of 64 for each token, which all heads share: the latent is key
and value at once. The query's last 64 numbers are still to be rotated, its halves against one another.
"""

import torch

from warploom import Problem, Tensor, Tolerance, Workload

SCALE = 192**-0.5


def mla_decode(query, query_rope, cosine, sine, latent, key_rope):
    first, second = query_rope[..., :32], query_rope[..., 32:]
    angles = (cosine[:, None], sine[:, None])
    rotated = torch.cat((first * angles[0] - second * angles[1], second * angles[0] + first * angles[1]), dim=-1)
    scores = torch.einsum("bhl,btl->bht", query, latent) + torch.einsum("bhr,btr->bht", rotated, key_rope)
    return torch.einsum("bht,btl->bhl", torch.softmax(SCALE * scores, dim=-1), latent)


problem = Problem(
    name="mla_decode",
    title="decode attention on a latent cache of 512 + 64 with the query's rotary embedding, bfloat16",
    axes=("batch", "heads", "context"),
    inputs={
        "query": Tensor("batch heads 512", "bfloat16"),
        "query_rope": Tensor("batch heads 64", "bfloat16"),
        "cosine": Tensor("batch 32", "bfloat16", scale=0.7),
        "sine": Tensor("batch 32", "bfloat16", scale=0.7),
        "latent": Tensor("batch context 512", "bfloat16", scale=0.3),
        "key_rope": Tensor("batch context 64", "bfloat16"),
    },
    outputs={"out": Tensor("batch heads 512", "bfloat16")},
    reference=mla_decode,
    workloads=[
        Workload(batch=64, heads=128, context=4096),
        Workload(batch=128, heads=16, context=6000),
    ],
    held_out=[
        Workload(batch=1, heads=1, context=1),
        Workload(batch=2, heads=17, context=37),
        Workload(batch=1, heads=16, context=129),
        Workload(batch=1, heads=8, context=64, recipe="ties"),
        Workload(batch=2, heads=3, context=67, recipe="tiny"),
    ],
    operations="2*batch*heads*context*(512+64+512)",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=8.0),
)
