"""Matrix product: a program a tile of the result, tiles in groups of rows so that they share what is cached."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK_M, 128, 16, 32, 64, 128, 256)
TUNE(BLOCK_N, 128, 32, 64, 128, 256)
TUNE(BLOCK_K, 32, 16, 32, 64, 128)
TUNE(GROUP, 8, 1, 4, 8, 16)
TUNE(num_warps, 8, 2, 4, 8, 16)
TUNE(num_stages, 3, 1, 2, 3, 4, 5)
LAUNCH(grid=((m + BLOCK_M - 1) // BLOCK_M) * ((n + BLOCK_N - 1) // BLOCK_N))


@triton.jit
def matmul_fp16(
    a, b, out, m, n, k, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr
):
    program = tl.program_id(0)
    tall, wide = tl.cdiv(m, BLOCK_M), tl.cdiv(n, BLOCK_N)
    group = program // (GROUP * wide)
    first = group * GROUP
    height = tl.minimum(tall - first, GROUP)
    tile_m = first + (program % (GROUP * wide)) % height
    tile_n = (program % (GROUP * wide)) // height
    row = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)
    col = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, k, BLOCK_K):
        deep = start + tl.arange(0, BLOCK_K)
        left = tl.load(
            a + row.to(tl.int64)[:, None] * k + deep[None, :], mask=(row[:, None] < m) & (deep[None, :] < k), other=0.0
        )
        right = tl.load(
            b + deep.to(tl.int64)[:, None] * n + col[None, :], mask=(deep[:, None] < k) & (col[None, :] < n), other=0.0
        )
        total = tl.dot(left, right, total)
    inside = (row[:, None] < m) & (col[None, :] < n)
    tl.store(out + row.to(tl.int64)[:, None] * n + col[None, :], total, mask=inside)


# EVOLVE-BLOCK-END
