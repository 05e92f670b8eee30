"""Recipes chosen by hand for the seeds of the catalog that live on blocking, packing and sharing, as data."""

from __future__ import annotations

from warploom.values.candidate import Step

PARALLEL = ("parts", 4)


def _block(site: str, rows: int, vectors: int, outer: str = "keep", pack: str = "none") -> Step:
    return Step("register_block", site, (("rows", rows), ("vectors", vectors), ("outer", outer), ("pack", pack)))


def _decode(name: str, rows: int) -> list[Step]:
    # Keys in one stream, the dot products of all heads of a group at once. Values in strips that stay in cache: whole
    # rows of them for as many heads as the registers hold, then for the others.
    return [
        Step("strip_reduction", f"{name}:d2:t4", (("depth", 256),)),
        Step("share_group", f"{name}:h", (("rows", rows),)),
        Step("dot_block", f"{name}:d", (("vectors", 1),)),
        Step("register_block", f"{name}:d2", (("vectors", 8),)),
        Step("vectorise", f"{name}:t2", (("accumulators", 1),)),
        Step("vectorise", f"{name}:t3", (("accumulators", 1),)),
        Step("vectorise", f"{name}:d2_e", (("accumulators", 1),)),
        Step("parallel", f"{name}:h", (PARALLEL,)),
    ]


RECIPES: dict[str, list[Step]] = {
    "matmul_512": [_block("matmul_512:i:j", 6, 4, "columns"), Step("parallel", "matmul_512:j", (PARALLEL,))],
    "matmul_1024": [_block("matmul_1024:i:j", 6, 4, "columns"), Step("parallel", "matmul_1024:j", (PARALLEL,))],
    "matmul_tall_skinny": [
        _block("matmul_tall_skinny:i:j", 6, 4, "rows"),
        Step("parallel", "matmul_tall_skinny:i", (PARALLEL,)),
    ],
    "bmm": [_block("bmm:i:j", 6, 4, "rows"), Step("parallel", "bmm:n", (PARALLEL,))],
    # The weights are transposed, a panel of columns at a time, and used by every row.
    "gemm_swish": [
        _block("gemm_swish:i:j", 8, 2, "columns", "panel"),
        Step("parallel", "gemm_swish:j", (PARALLEL,)),
    ],
    # Filters are the columns, positions along a row the rows: no copy of the image is needed.
    "conv2d_11x11": [
        _block("conv2d_11x11:j:f", 5, 5, "columns", "panel"),
        Step("parallel", "conv2d_11x11:n", (PARALLEL, ("collapse", 2))),
    ],
    "conv_mish": [_block("conv_mish:f:j", 8, 2, "rows"), Step("parallel", "conv_mish:n", (PARALLEL,))],
    "depthwise_conv": [
        Step("register_block", "depthwise_conv:j", (("vectors", 4),)),
        Step("parallel", "depthwise_conv:n", (PARALLEL,)),
    ],
    "max_pool": [
        Step("register_block", "max_pool:j", (("vectors", 4),)),
        Step("parallel", "max_pool:p", (PARALLEL,)),
    ],
    # Keys of a head transposed once; six queries at a time against them, and their weights against the values.
    "attention": [
        Step("pack", "attention:i:keys", (("inner", "t"),)),
        Step("share_rows", "attention:i", (("rows", 8),)),
        Step("register_block", "attention:t", (("vectors", 3),)),
        Step("register_block", "attention:d2", (("vectors", 3),)),
        Step("vectorise", "attention:t2", (("accumulators", 1),)),
        Step("vectorise", "attention:t3", (("accumulators", 1),)),
        Step("parallel", "attention:h", (PARALLEL,)),
    ],
    "int8_gemv": [
        Step("dot_block", "int8_gemv:i:j", (("rows", 4), ("vectors", 2))),
        Step("parallel", "int8_gemv:i", (PARALLEL,)),
    ],
    "gqa_decode": _decode("gqa_decode", 2),
    "gqa_decode_40_8": _decode("gqa_decode_40_8", 5),
}
