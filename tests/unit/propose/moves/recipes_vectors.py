"""Recipes of arithmetic, vectors, threads and streaming stores for seeds of the catalog, as data.

Sites are selectors: the same few sequences serve many problems, which is what makes them composites.
"""

from __future__ import annotations

from warploom.values.candidate import Step

VECTORS = Step("vectorise", "@every")
PARALLEL = Step("parallel", "@outermost")
STREAM = Step("stream_stores", "@every")

RECIPES: dict[str, list[Step]] = {
    # One exponential an element, kept in the output; a product in place of a division.
    "softmax": [Step("store_to_output", "@first"), Step("reciprocal", "@every"), VECTORS, PARALLEL],
    "cross_entropy": [VECTORS, PARALLEL],
    "layer_norm": [Step("reciprocal", "@every"), VECTORS, PARALLEL, STREAM],
    "gelu_tanh": [Step("tanh_by_exp", "@every"), VECTORS, PARALLEL, STREAM],
    "swiglu": [VECTORS, PARALLEL, STREAM],
    "rope": [VECTORS, PARALLEL, STREAM],
    # The windows' loops stay inside the vectors, which run along the row.
    "max_pool": [VECTORS, PARALLEL],
    "depthwise_conv": [Step("vectorise", "@every", (("accumulators", 2),)), PARALLEL],
    "cumsum": [Step("scan_in_register", "@every"), PARALLEL],
}
