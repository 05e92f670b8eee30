"""Recipes chosen by hand for seeds of the catalog, as data."""

from __future__ import annotations

from warploom.values.candidate import Step

PARALLEL = ("parts", 4)

RECIPES: dict[str, list[Step]] = {
    # Contiguous loop inside the reduction; g++ vectorises the two inner loops by itself.
    "sum_dim1": [
        Step("sink", "sum_dim1:j", (("block", 256),)),
        Step("parallel", "sum_dim1:b", (PARALLEL,)),
    ],
    # Columns in registers, the reduction inside; the output is not read again, so it goes past the cache.
    "rms_norm": [
        Step("vectorise", "rms_norm:p", (("accumulators", 4),)),
        Step("parallel", "rms_norm:b", (PARALLEL, ("collapse", 1))),
        Step("stream_stores", "rms_norm_b_range:c2"),
    ],
    # Four rows side by side share the loads of x, and read from memory in four streams.
    "matvec": [
        Step("vectorise", "matvec:j", (("accumulators", 2),)),
        Step("jam", "matvec:i", (("factor", 4),)),
        Step("parallel", "matvec:i", (PARALLEL,)),
    ],
    "cumsum": [
        Step("scan_in_register", "cumsum:j"),
        Step("parallel", "cumsum:i", (PARALLEL,)),
    ],
    # Mean and variance in one pass, each row's two passes stay in the L2 cache, the output goes past it.
    "layer_norm": [
        Step("fold_pass", "layer_norm:c"),
        Step("vectorise", "layer_norm:p", (("accumulators", 4),)),
        Step("vectorise", "layer_norm:i", (("accumulators", 4),)),
        Step("parallel", "layer_norm:b", (PARALLEL,)),
        Step("stream_stores", "layer_norm_b_range:i"),
    ],
    "softmax": [
        Step("store_to_output", "softmax:j2"),
        Step("vectorise", "softmax:j", (("accumulators", 4),)),
        Step("vectorise", "softmax:j2", (("accumulators", 4),)),
        Step("vectorise", "softmax:j3", (("accumulators", 1),)),
        Step("parallel", "softmax:i", (PARALLEL,)),
    ],
}
