"""Causal attention: a program a block of queries of a head, which walks over the keys before them."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK_Q, 64, 16, 32, 64, 128)
TUNE(BLOCK_T, 32, 16, 32, 64, 128)
TUNE(num_warps, 4, 4, 8)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=((tokens + BLOCK_Q - 1) // BLOCK_Q, heads))


@triton.jit
def gqa_prefill_bf16(query, keys, values, out, heads, kv_heads, tokens, BLOCK_Q: tl.constexpr, BLOCK_T: tl.constexpr):
    block = tl.program_id(0)
    head = tl.program_id(1).to(tl.int64)
    shared = head // (heads // kv_heads)
    asked = block * BLOCK_Q + tl.arange(0, BLOCK_Q)
    dim = tl.arange(0, 128)
    at = (head * tokens + asked[:, None]) * 128 + dim[None, :]
    q = tl.load(query + at, mask=asked[:, None] < tokens, other=0.0)
    scale = 0.08838834764831845 * 1.4426950408889634
    largest = tl.full((BLOCK_Q,), -1e38, dtype=tl.float32)
    total = tl.zeros((BLOCK_Q,), dtype=tl.float32)
    sums = tl.zeros((BLOCK_Q, 128), dtype=tl.float32)
    for start in range(0, tl.minimum(tokens, (block + 1) * BLOCK_Q), BLOCK_T):
        token = start + tl.arange(0, BLOCK_T)
        line = (shared * tokens + token) * 128
        k = tl.load(keys + line[None, :] + dim[:, None], mask=token[None, :] < tokens, other=0.0)
        v = tl.load(values + line[:, None] + dim[None, :], mask=token[:, None] < tokens, other=0.0)
        score = tl.dot(q, k) * scale
        score = tl.where((token[None, :] <= asked[:, None]) & (token[None, :] < tokens), score, -1e38)
        higher = tl.maximum(largest, tl.max(score, 1))
        weight = tl.exp2(score - higher[:, None])
        shrink = tl.exp2(largest - higher)
        total = total * shrink + tl.sum(weight, 1)
        sums = tl.dot(weight.to(v.dtype), v, sums * shrink[:, None])
        largest = higher
    tl.store(out + at, sums / total[:, None], mask=asked[:, None] < tokens)


# EVOLVE-BLOCK-END
