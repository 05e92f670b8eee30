"""The gated activation: a program a stretch of elements."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 2048, 512, 1024, 2048, 4096)
TUNE(num_warps, 4, 1, 2, 4, 8, 16)
LAUNCH(grid=(rows * cols + BLOCK - 1) // BLOCK)


@triton.jit
def swiglu_bf16(gate, up, out, rows, cols, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < rows.to(tl.int64) * cols
    g = tl.load(gate + place, mask=inside, other=0.0).to(tl.float32)
    u = tl.load(up + place, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + place, g / (1.0 + tl.exp(-g)) * u, mask=inside)


# EVOLVE-BLOCK-END
