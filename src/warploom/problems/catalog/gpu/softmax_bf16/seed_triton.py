"""Softmax: a program a row, largest and sum in one pass, the quotients in a second."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 2048, 256, 512, 1024, 2048, 4096, 8192)
TUNE(num_warps, 8, 1, 2, 4, 8, 16)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=rows)


@triton.jit
def softmax_bf16(x, out, rows, cols, BLOCK: tl.constexpr):
    begin = tl.program_id(0).to(tl.int64) * cols
    largest = tl.full((BLOCK,), -1e38, dtype=tl.float32)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(x + begin + col, mask=col < cols, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(largest, value)
        total = total * tl.exp(largest - higher) + tl.exp(value - higher)
        largest = higher
    top = tl.max(largest, 0)
    scale = 1.0 / tl.sum(total * tl.exp(largest - top), 0)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(x + begin + col, mask=col < cols, other=-float("inf")).to(tl.float32)
        tl.store(out + begin + col, tl.exp(value - top) * scale, mask=col < cols)


# EVOLVE-BLOCK-END
