"""Cross-entropy: a program a row, largest score and sum of exponentials in one pass."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 4096, 512, 1024, 2048, 4096, 8192, 16384)
TUNE(num_warps, 8, 1, 2, 4, 8, 16)
TUNE(num_stages, 3, 1, 2, 3, 4)
LAUNCH(grid=rows)


@triton.jit
def cross_entropy_bf16(scores, labels, out, rows, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    begin = row * classes
    largest = tl.full((BLOCK,), -1e38, dtype=tl.float32)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, classes, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(scores + begin + col, mask=col < classes, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(largest, value)
        total = total * tl.exp(largest - higher) + tl.exp(value - higher)
        largest = higher
    top = tl.max(largest, 0)
    chosen = tl.load(scores + begin + tl.load(labels + row)).to(tl.float32)
    tl.store(out + row, top + tl.log(tl.sum(total * tl.exp(largest - top), 0)) - chosen)


# EVOLVE-BLOCK-END
