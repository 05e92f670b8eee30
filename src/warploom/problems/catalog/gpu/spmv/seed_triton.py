"""Sparse matrix times vector: a program a few rows, as many entries of each at a time as BLOCK says."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(ROWS, 4, 1, 2, 4, 8, 16)
TUNE(BLOCK, 32, 8, 16, 32, 64, 128)
TUNE(num_warps, 2, 1, 2, 4, 8)
TUNE(num_stages, 2, 1, 2, 3)
LAUNCH(grid=(rows + ROWS - 1) // ROWS)


@triton.jit
def spmv(
    values,
    columns,
    begins,
    lengths,
    x,
    out,
    rows,
    cols,
    entries,
    most,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    begin = tl.load(begins + row, mask=row < rows, other=0)
    length = tl.load(lengths + row, mask=row < rows, other=0)
    total = tl.zeros((ROWS, BLOCK), dtype=tl.float32)
    for start in range(0, tl.max(length, 0), BLOCK):
        step = start + tl.arange(0, BLOCK)
        inside = step[None, :] < length[:, None]
        entry = begin[:, None] + step[None, :]
        column = tl.load(columns + entry, mask=inside, other=0)
        value = tl.load(values + entry, mask=inside, other=0.0)
        total += tl.where(inside, value * tl.load(x + column, mask=inside, other=0.0), 0.0)
    tl.store(out + row, tl.sum(total, 1), mask=row < rows)


# EVOLVE-BLOCK-END
