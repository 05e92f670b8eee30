"""One call of a reference, watched: which operators it uses and how many operations they are. Imports torch.

Functions are seen as the program calls them (``kl_div``), and operators as PyTorch runs them (``aten.mul``): the first
tell what is meant, the second what is done. Products and convolutions are counted by PyTorch's own formulas
(:mod:`torch.utils.flop_counter`), a multiply-add as two. Everything else that computes counts one operation for each
element of its largest tensor, whatever it computes there. Views, copies and constants count nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

MOST_NAMES = 400
"""Names that are told: a loop over time steps would tell the same ones for ever."""

_ATEN = torch.ops.aten
_ATTENTION = flop_registry[_ATEN._scaled_dot_product_flash_attention]
_MOVES = {
    *("clone", "copy", "copy_", "_to_copy", "_unsafe_view", "contiguous", "empty", "empty_like"),
    *("empty_strided", "new_empty", "zeros", "zeros_like", "ones", "ones_like", "full", "full_like"),
    *("new_zeros", "new_full", "new_ones", "fill_", "zero_", "arange", "scalar_tensor"),
    *("lift_fresh_copy", "lift_fresh", "_to_cpu", "cat", "stack", "constant_pad_nd", "index_select"),
    *("gather", "index", "slice_scatter", "select_scatter", "scatter", "repeat", "roll", "flip"),
    *("tril", "triu", "diag_embed", "rand", "randn", "eye", "linspace", "tril_indices"),
    *("triu_indices", "item", "_local_scalar_dense", "bernoulli_", "repeat_interleave", "im2col"),
    *("col2im", "resize_", "set_", "_reshape_alias", "pixel_shuffle"),
}
"""Operators that only move or make data."""

_BY_ELEMENT = {"log_sigmoid_forward", "_prelu_kernel", "hardtanh", "hardtanh_", "hardsigmoid", "hardswish", "softplus"}
"""Operators that work element by element and are not always marked so."""


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts while it is entered.

    Attributes:
        names: of the operators that compute or move data, repeats of the last one left out.
        operations: all that were counted.
        products: of matrix products, convolutions and attention.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []
        self.operations = 0
        self.products = 0
        self._by_element: set[bool] = set()

    @property
    def pointwise(self) -> bool:
        """Whether something was computed, and all of it element by element."""
        return self._by_element == {True}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        keywords = kwargs or {}
        result = func(*args, **keywords)
        name = func.overloadpacket.__name__
        if func.is_view or name == "detach":
            return result
        _add(self.names, name)
        if name in _MOVES:
            return result
        products = _products(func.overloadpacket, args, keywords, result)
        if products is None:
            self.operations += max(
                (one.numel() for one in tensors_in([args, list(keywords.values()), result])), default=0
            )
            self._by_element.add(torch.Tag.pointwise in func.tags or name in _BY_ELEMENT)
        else:
            self.operations += products
            self.products += products
            self._by_element.add(False)
        return result


class Functions(TorchFunctionMode):
    """Names of the functions that are called from outside of PyTorch while it is entered, repeats left out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(getattr(func, "__name__", ""))
        if not name.startswith("__"):
            _add(self.names, name)
        return func(*args, **(kwargs or {}))


def trace(call: Callable[..., Any], arguments: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Watch a call; the first one is not watched, since it may set things up.

    Returns:
        ``functions`` and ``operators``, names in the order of use; ``pointwise``; ``operations`` and ``products``.
    """
    call(*arguments)
    with Functions() as functions, Operators() as operators:
        call(*arguments)
    return {
        "functions": functions.names,
        "operators": operators.names,
        "pointwise": operators.pointwise,
        "operations": operators.operations,
        "products": operators.products,
    }


def _products(packet: Any, args: Any, keywords: Any, result: Any) -> int | None:
    """Operations of a product, a convolution or attention; None for any other operator."""
    if packet in flop_registry:
        return int(flop_registry[packet](*args, **keywords, out_val=result))
    if packet is _ATEN._scaled_dot_product_flash_attention_for_cpu:
        return int(_ATTENTION(*args[:3], out_val=result))
    if packet in (_ATEN.mv, _ATEN.dot, _ATEN.vdot):
        return 2 * int(args[0].numel())
    if packet is _ATEN.addmv:
        return 2 * int(args[1].numel())
    if packet is _ATEN._int_mm:
        return 2 * int(args[0].numel()) * int(args[1].shape[1])
    return None


def tensors_in(values: Any) -> list[torch.Tensor]:
    """All tensors in a value, lists and tuples opened."""
    if isinstance(values, torch.Tensor):
        return [values]
    if isinstance(values, list | tuple):
        return [one for value in values for one in tensors_in(value)]
    return []


def _add(names: list[str], name: str) -> None:
    if len(names) < MOST_NAMES and names[-1:] != [name]:
        names.append(name)
