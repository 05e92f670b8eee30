"""Jacobi sweep: a program a tile of the grid, its neighbours read through the cache."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK_Y, 4, 1, 2, 4, 8, 16)
TUNE(BLOCK_X, 256, 64, 128, 256, 512, 1024)
TUNE(num_warps, 4, 1, 2, 4, 8, 16)
LAUNCH(grid=((width + BLOCK_X - 1) // BLOCK_X, (height + BLOCK_Y - 1) // BLOCK_Y))


@triton.jit
def jacobi(u, f, out, height, width, BLOCK_Y: tl.constexpr, BLOCK_X: tl.constexpr):
    y = tl.program_id(1) * BLOCK_Y + tl.arange(0, BLOCK_Y)[:, None]
    x = tl.program_id(0) * BLOCK_X + tl.arange(0, BLOCK_X)[None, :]
    inside = (y < height) & (x < width)
    within = (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)
    at = y.to(tl.int64) * width + x
    own = tl.load(u + at, mask=inside, other=0.0)
    around = tl.load(u + at - width, mask=within, other=0.0) + tl.load(u + at + width, mask=within, other=0.0)
    around += tl.load(u + at - 1, mask=within, other=0.0)
    around += tl.load(u + at + 1, mask=within, other=0.0)
    swept = 0.25 * (around - tl.load(f + at, mask=within, other=0.0))
    tl.store(out + at, tl.where(within, swept, own), mask=inside)


# EVOLVE-BLOCK-END
