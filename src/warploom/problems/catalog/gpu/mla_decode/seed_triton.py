"""Latent attention: a program a few heads of a sequence, which share every latent vector they load."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(HEADS, 16, 16, 32, 64)
TUNE(BLOCK_T, 16, 16, 32, 64)
TUNE(num_warps, 8, 4, 8)
TUNE(num_stages, 1, 1, 2, 3)
LAUNCH(grid=((heads + HEADS - 1) // HEADS, batch))


@triton.jit
def mla_decode(
    query,
    query_rope,
    cosine,
    sine,
    latent,
    key_rope,
    out,
    batch,
    heads,
    context,
    HEADS: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    sequence = tl.program_id(1).to(tl.int64)
    head = tl.program_id(0) * HEADS + tl.arange(0, HEADS)
    here = head[:, None] < heads
    wide, half = tl.arange(0, 512), tl.arange(0, 32)
    at = (sequence * heads + head[:, None]) * 512 + wide[None, :]
    q = tl.load(query + at, mask=here, other=0.0)
    beside = (sequence * heads + head[:, None]) * 64 + half[None, :]
    first = tl.load(query_rope + beside, mask=here, other=0.0).to(tl.float32)
    second = tl.load(query_rope + beside + 32, mask=here, other=0.0).to(tl.float32)
    cos = tl.load(cosine + sequence * 32 + half).to(tl.float32)[None, :]
    sin = tl.load(sine + sequence * 32 + half).to(tl.float32)[None, :]
    turned_first = (first * cos - second * sin).to(q.dtype)
    turned_second = (second * cos + first * sin).to(q.dtype)
    scale = 0.07216878364870323 * 1.4426950408889634
    largest = tl.full((HEADS,), -1e38, dtype=tl.float32)
    total = tl.zeros((HEADS,), dtype=tl.float32)
    sums = tl.zeros((HEADS, 512), dtype=tl.float32)
    for start in range(0, context, BLOCK_T):
        token = start + tl.arange(0, BLOCK_T)
        line = sequence * context + token
        c = tl.load(latent + line[:, None] * 512 + wide[None, :], mask=token[:, None] < context, other=0.0)
        key = key_rope + line[None, :] * 64 + half[:, None]
        score = tl.dot(q, tl.trans(c))
        score = tl.dot(turned_first, tl.load(key, mask=token[None, :] < context, other=0.0), score)
        score = tl.dot(turned_second, tl.load(key + 32, mask=token[None, :] < context, other=0.0), score)
        score = tl.where(token[None, :] < context, score * scale, -1e38)
        higher = tl.maximum(largest, tl.max(score, 1))
        weight = tl.exp2(score - higher[:, None])
        shrink = tl.exp2(largest - higher)
        total = total * shrink + tl.sum(weight, 1)
        sums = tl.dot(weight.to(c.dtype), c, sums * shrink[:, None])
        largest = higher
    tl.store(out + at, sums / total[:, None], mask=here)


# EVOLVE-BLOCK-END
