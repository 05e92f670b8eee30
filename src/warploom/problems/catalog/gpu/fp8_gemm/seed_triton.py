"""8-bit matrix product: codes become float16, exactly, and each 128 of depth are scaled on their own."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK_M, 64, 16, 32, 64, 128)
TUNE(BLOCK_N, 64, 32, 64, 128)
TUNE(BLOCK_K, 32, 32, 64, 128)
TUNE(GROUP, 8, 1, 4, 8, 16)
TUNE(num_warps, 8, 4, 8)
TUNE(num_stages, 2, 1, 2, 3, 4)
LAUNCH(grid=((m + BLOCK_M - 1) // BLOCK_M) * ((n + BLOCK_N - 1) // BLOCK_N))


@triton.jit
def number(code):
    """Float16 of an e4m3 code: its bits moved to float16's places, which is off by a factor of 256."""
    wide = code.to(tl.uint16)
    bits = ((wide & 0x80) << 8) | ((wide & 0x7F) << 7)
    return bits.to(tl.float16, bitcast=True) * 256.0


@triton.jit
def fp8_gemm(
    a,
    b,
    a_scale,
    b_scale,
    out,
    m,
    n,
    k,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP: tl.constexpr,
):
    program = tl.program_id(0)
    tall, wide = tl.cdiv(m, BLOCK_M), tl.cdiv(n, BLOCK_N)
    group = program // (GROUP * wide)
    first = group * GROUP
    height = tl.minimum(tall - first, GROUP)
    row = (first + (program % (GROUP * wide)) % height) * BLOCK_M + tl.arange(0, BLOCK_M)
    col = (program % (GROUP * wide)) // height * BLOCK_N + tl.arange(0, BLOCK_N)
    depth = tl.cdiv(k, 128)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, k, BLOCK_K):
        deep = start + tl.arange(0, BLOCK_K)
        left = tl.load(
            a + row.to(tl.int64)[:, None] * k + deep[None, :], mask=(row[:, None] < m) & (deep[None, :] < k), other=0
        )
        right = tl.load(
            b + col.to(tl.int64)[None, :] * k + deep[:, None], mask=(col[None, :] < n) & (deep[:, None] < k), other=0
        )
        by_row = tl.load(a_scale + row * depth + start // 128, mask=row < m, other=0.0)
        by_col = tl.load(b_scale + (col // 128) * depth + start // 128, mask=col < n, other=0.0)
        total += tl.dot(number(left), number(right)) * by_row[:, None] * by_col[None, :]
    inside = (row[:, None] < m) & (col[None, :] < n)
    tl.store(out + row.to(tl.int64)[:, None] * n + col[None, :], total, mask=inside)


# EVOLVE-BLOCK-END
