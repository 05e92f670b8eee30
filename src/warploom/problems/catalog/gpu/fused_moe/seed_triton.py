"""Mixture of experts: a program a token, which goes through its experts a few inner units at a time."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(HIDDEN, 1024, 1024, 2048)
TUNE(BLOCK, 8, 4, 8, 16)
TUNE(num_warps, 8, 4, 8, 16)
TUNE(num_stages, 2, 1, 2, 3)
LAUNCH(grid=tokens)


@triton.jit
def fused_moe(
    x,
    experts,
    weights,
    gate,
    up,
    down,
    out,
    tokens,
    slots,
    total,
    hidden,
    inner,
    HIDDEN: tl.constexpr,
    BLOCK: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    place = tl.arange(0, HIDDEN)
    own = tl.load(x + token * hidden + place, mask=place < hidden, other=0.0).to(tl.float32)
    sums = tl.zeros((HIDDEN,), dtype=tl.float32)
    for slot in range(0, slots):
        expert = tl.load(experts + token * slots + slot).to(tl.int64)
        share = tl.load(weights + token * slots + slot).to(tl.float32)
        for start in range(0, inner, BLOCK):
            unit = start + tl.arange(0, BLOCK)
            at = (expert * inner + unit[:, None]) * hidden + place[None, :]
            inside = (unit[:, None] < inner) & (place[None, :] < hidden)
            g = tl.sum(tl.load(gate + at, mask=inside, other=0.0).to(tl.float32) * own[None, :], 1)
            u = tl.sum(tl.load(up + at, mask=inside, other=0.0).to(tl.float32) * own[None, :], 1)
            h = share * u * g / (1.0 + tl.exp(-g))
            sums += tl.sum(tl.load(down + at, mask=inside, other=0.0).to(tl.float32) * h[:, None], 0)
    tl.store(out + token * hidden + place, sums, mask=place < hidden)


# EVOLVE-BLOCK-END
