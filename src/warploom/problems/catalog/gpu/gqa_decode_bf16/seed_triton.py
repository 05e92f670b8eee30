"""Decode attention: a program a key-value head of a sequence, with all query heads that share it."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(HEADS, 16, 16, 32)
TUNE(BLOCK_T, 64, 16, 32, 64, 128, 256)
TUNE(num_warps, 4, 2, 4, 8)
TUNE(num_stages, 3, 1, 2, 3, 4, 5)
LAUNCH(grid=(batch * kv_heads, (heads // kv_heads + HEADS - 1) // HEADS))


@triton.jit
def gqa_decode_bf16(
    query, keys, values, out, batch, heads, kv_heads, context, HEADS: tl.constexpr, BLOCK_T: tl.constexpr
):
    pair = tl.program_id(0).to(tl.int64)
    group = heads // kv_heads
    member = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    dim = tl.arange(0, 128)
    at = (pair * group + member[:, None]) * 128 + dim[None, :]
    q = tl.load(query + at, mask=member[:, None] < group, other=0.0)
    scale = 0.08838834764831845 * 1.4426950408889634
    largest = tl.full((HEADS,), -1e38, dtype=tl.float32)
    total = tl.zeros((HEADS,), dtype=tl.float32)
    sums = tl.zeros((HEADS, 128), dtype=tl.float32)
    for start in range(0, context, BLOCK_T):
        token = start + tl.arange(0, BLOCK_T)
        line = (pair * context + token) * 128
        k = tl.load(keys + line[None, :] + dim[:, None], mask=token[None, :] < context, other=0.0)
        v = tl.load(values + line[:, None] + dim[None, :], mask=token[:, None] < context, other=0.0)
        score = tl.where(token[None, :] < context, tl.dot(q, k) * scale, -1e38)
        higher = tl.maximum(largest, tl.max(score, 1))
        weight = tl.exp2(score - higher[:, None])
        shrink = tl.exp2(largest - higher)
        total = total * shrink + tl.sum(weight, 1)
        sums = tl.dot(weight.to(v.dtype), v, sums * shrink[:, None])
        largest = higher
    tl.store(out + at, sums / total[:, None], mask=member[:, None] < group)


# EVOLVE-BLOCK-END
