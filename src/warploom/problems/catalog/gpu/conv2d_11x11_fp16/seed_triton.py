"""Convolution as a matrix product: a program a tile of pixels and filters, patches gathered as they are loaded."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(TILE, 64, 32, 64, 128)
TUNE(FILTERS, 32, 16, 32, 64, 128)
TUNE(DEPTH, 32, 16, 32, 64)
TUNE(num_warps, 4, 2, 4, 8)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=(((height - 7) // 4 * ((width - 7) // 4) + TILE - 1) // TILE, (filters + FILTERS - 1) // FILTERS, batch))


@triton.jit
def conv2d_11x11_fp16(
    x,
    weight,
    bias,
    out,
    batch,
    channels,
    height,
    width,
    filters,
    TILE: tl.constexpr,
    FILTERS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    tall, wide = (height - 11) // 4 + 1, (width - 11) // 4 + 1
    image = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * TILE + tl.arange(0, TILE)
    filter = tl.program_id(1) * FILTERS + tl.arange(0, FILTERS)
    corner = (pixel // wide) * 4 * width + (pixel % wide) * 4
    total = tl.zeros((FILTERS, TILE), dtype=tl.float32)
    for start in range(0, channels * 121, DEPTH):
        tap = start + tl.arange(0, DEPTH)
        reach = (tap // 121) * height * width + (tap % 121) // 11 * width + tap % 11
        known = tap < channels * 121
        w = tl.load(
            weight + filter[:, None] * (channels * 121) + tap[None, :],
            mask=(filter[:, None] < filters) & known[None, :],
            other=0.0,
        )
        patch = tl.load(
            x + image * channels * height * width + reach[:, None] + corner[None, :],
            mask=known[:, None] & (pixel[None, :] < tall * wide),
            other=0.0,
        )
        total = tl.dot(w, patch, total)
    total += tl.load(bias + filter, mask=filter < filters, other=0.0).to(tl.float32)[:, None]
    inside = (filter[:, None] < filters) & (pixel[None, :] < tall * wide)
    tl.store(out + (image * filters + filter[:, None]) * (tall * wide) + pixel[None, :], total, mask=inside)


# EVOLVE-BLOCK-END
