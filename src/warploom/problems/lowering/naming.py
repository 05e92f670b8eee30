"""What results are called in a kernel."""

from __future__ import annotations

from warploom.problems.lowering.graph import Node

_WISHES = {
    "add": "shifted",
    "amax": "largest",
    "amin": "smallest",
    "argmax": "place",
    "argmin": "place",
    "bmm": "product",
    "mm": "product",
    "addmm": "product",
    "convolution": "convolved",
    "constant_pad_nd": "padded",
    "cat": "joined",
    "div": "quotient",
    "exp": "power",
    "log": "logarithm",
    "mean": "mean",
    "mul": "scaled",
    "neg": "negated",
    "permute": "turned",
    "reciprocal": "inverse",
    "rsqrt": "inverse_root",
    "sqrt": "root",
    "sub": "difference",
    "sum": "sum",
    "where": "chosen",
}


def wish_of(node: Node) -> str:
    """What a result may be called."""
    base = node.base.strip("_")
    if base in _WISHES:
        return _WISHES[base]
    return "pooled" if "pool" in base else f"{base}_value"
