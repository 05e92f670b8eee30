"""Rotary embedding: a program a few tokens of a head, both halves of a head at once."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(TOKENS, 16, 1, 2, 4, 8, 16, 32)
TUNE(HALF, 64, 32, 64, 128)
TUNE(num_warps, 4, 1, 2, 4, 8, 16)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=((tokens + TOKENS - 1) // TOKENS, heads))


@triton.jit
def rope_bf16(x, cosine, sine, out, heads, tokens, dim, TOKENS: tl.constexpr, HALF: tl.constexpr):
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)[:, None]
    line = tl.program_id(1).to(tl.int64) * tokens + token
    half = dim // 2
    for start in range(0, half, HALF):
        place = start + tl.arange(0, HALF)[None, :]
        inside = (token < tokens) & (place < half)
        left = tl.load(x + line * dim + place, mask=inside, other=0.0).to(tl.float32)
        right = tl.load(x + line * dim + half + place, mask=inside, other=0.0).to(tl.float32)
        left_cosine = tl.load(cosine + token * dim + place, mask=inside, other=0.0).to(tl.float32)
        right_cosine = tl.load(cosine + token * dim + half + place, mask=inside, other=0.0).to(tl.float32)
        left_sine = tl.load(sine + token * dim + place, mask=inside, other=0.0).to(tl.float32)
        right_sine = tl.load(sine + token * dim + half + place, mask=inside, other=0.0).to(tl.float32)
        tl.store(out + line * dim + place, left * left_cosine - right * left_sine, mask=inside)
        tl.store(out + line * dim + half + place, right * right_cosine + left * right_sine, mask=inside)


# EVOLVE-BLOCK-END
