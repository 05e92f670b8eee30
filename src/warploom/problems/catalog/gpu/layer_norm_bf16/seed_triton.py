"""Layer normalisation: a program a row, which it reads three times."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 2048, 256, 512, 1024, 2048, 4096, 8192)
TUNE(num_warps, 8, 1, 2, 4, 8, 16)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=rows)


@triton.jit
def layer_norm_bf16(x, weight, bias, out, rows, cols, BLOCK: tl.constexpr):
    begin = tl.program_id(0).to(tl.int64) * cols
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        total += tl.load(x + begin + col, mask=col < cols, other=0.0).to(tl.float32)
    mean = tl.sum(total, 0) / cols
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(x + begin + col, mask=col < cols, other=0.0).to(tl.float32)
        away = tl.where(col < cols, value - mean, 0.0)
        squares += away * away
    scale = 1.0 / tl.sqrt(tl.sum(squares, 0) / cols + 1e-5)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(x + begin + col, mask=col < cols, other=0.0).to(tl.float32)
        factor = tl.load(weight + col, mask=col < cols, other=0.0).to(tl.float32)
        offset = tl.load(bias + col, mask=col < cols, other=0.0).to(tl.float32)
        tl.store(out + begin + col, (value - mean) * scale * factor + offset, mask=col < cols)


# EVOLVE-BLOCK-END
