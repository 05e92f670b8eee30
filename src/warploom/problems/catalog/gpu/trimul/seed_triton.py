"""Triangular multiplication: a program a tile of pairs for a few channels, gates applied as they are loaded."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK_I, 16, 8, 16, 32)
TUNE(BLOCK_J, 16, 8, 16, 32)
TUNE(DIMS, 16, 8, 16, 32)
TUNE(num_warps, 4, 2, 4, 8)
TUNE(num_stages, 2, 1, 2, 3)
LAUNCH(grid=((size + BLOCK_I - 1) // BLOCK_I * ((size + BLOCK_J - 1) // BLOCK_J), (dim + DIMS - 1) // DIMS, batch))


@triton.jit
def gated(value, gate, mask, at, place, inside):
    """An element of a projection with its gate and the mask of its edge."""
    v = tl.load(value + at, mask=inside, other=0.0).to(tl.float32)
    g = tl.load(gate + at, mask=inside, other=0.0).to(tl.float32)
    return v / (1.0 + tl.exp(-g)) * tl.load(mask + place, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def trimul(
    left,
    left_gate,
    right,
    right_gate,
    mask,
    out,
    batch,
    size,
    dim,
    BLOCK_I: tl.constexpr,
    BLOCK_J: tl.constexpr,
    DIMS: tl.constexpr,
):
    across = tl.cdiv(size, BLOCK_J)
    i = tl.program_id(0) // across * BLOCK_I + tl.arange(0, BLOCK_I)[:, None]
    j = tl.program_id(0) % across * BLOCK_J + tl.arange(0, BLOCK_J)[:, None]
    channel = tl.program_id(1) * DIMS + tl.arange(0, DIMS)
    first = tl.program_id(2).to(tl.int64) * size
    total = tl.zeros((BLOCK_I, BLOCK_J, DIMS), dtype=tl.float32)
    for k in range(0, size):
        row, col = (first + i) * size + k, (first + j) * size + k
        one = gated(left, left_gate, mask, row * dim + channel[None, :], row, (i < size) & (channel[None, :] < dim))
        two = gated(right, right_gate, mask, col * dim + channel[None, :], col, (j < size) & (channel[None, :] < dim))
        total += one[:, None, :] * two[None, :, :]
    at = ((first + i[:, :, None]) * size + tl.trans(j)[:, :, None]) * dim + channel[None, None, :]
    inside = (i[:, :, None] < size) & (tl.trans(j)[:, :, None] < size) & (channel[None, None, :] < dim)
    tl.store(out + at, total, mask=inside)


# EVOLVE-BLOCK-END
