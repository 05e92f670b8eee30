"""Sums of rows: a program a few rows."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(ROWS, 1, 1, 2, 4, 8)
TUNE(BLOCK, 4096, 256, 512, 1024, 2048, 4096, 8192)
TUNE(num_warps, 4, 1, 2, 4, 8, 16)
TUNE(num_stages, 3, 1, 2, 3, 4, 5)
LAUNCH(grid=(rows + ROWS - 1) // ROWS)


@triton.jit
def reduce_bf16(x, out, rows, cols, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, BLOCK), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        inside = (row[:, None] < rows) & (col[None, :] < cols)
        total += tl.load(x + row[:, None] * cols + col[None, :], mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row, tl.sum(total, 1), mask=row < rows)


# EVOLVE-BLOCK-END
