"""RMS normalisation: a program a row, which it reads twice."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 2048, 256, 512, 1024, 2048, 4096, 8192)
TUNE(num_warps, 8, 1, 2, 4, 8, 16)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=rows)


@triton.jit
def rms_norm_bf16(x, weight, out, rows, cols, BLOCK: tl.constexpr):
    begin = tl.program_id(0).to(tl.int64) * cols
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(x + begin + col, mask=col < cols, other=0.0).to(tl.float32)
        squares += value * value
    scale = 1.0 / tl.sqrt(tl.sum(squares, 0) / cols + 1e-5)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        value = tl.load(x + begin + col, mask=col < cols, other=0.0).to(tl.float32)
        factor = tl.load(weight + col, mask=col < cols, other=0.0).to(tl.float32)
        tl.store(out + begin + col, value * scale * factor, mask=col < cols)


# EVOLVE-BLOCK-END
