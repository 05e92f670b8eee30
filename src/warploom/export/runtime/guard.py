"""Which kernel a call may take: only what was measured, under the conditions under which it was verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

ALIGNMENT_BYTES = 64
"""Every kernel was verified with buffers that begin at such an address; PyTorch's own do, slices of them may not."""

REASONS: dict[str, str] = {
    "device": "a tensor is not on the CPU",
    "dtype": "a tensor has not the dtype that the kernel was made for",
    "shape": "these shapes are not in the table of those that were measured faster",
    "layout": "a tensor is not contiguous",
    "alignment": f"a tensor does not begin at a multiple of {ALIGNMENT_BYTES} bytes",
    "range": "an integer lies outside of the range that the kernel was verified for",
    "disabled": "WARPLOOM_DISABLE switches the kernel off",
    "build": "the kernel could not be built here",
}
"""Why a call takes the reference: name of the path → in words."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        variant: which kernel.
        axes: their lengths, in calling order.
        outputs: shape of each output.
        ranges: smallest and largest allowed value of each input, None where it need not be looked at.
    """

    variant: str
    axes: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...]
    ranges: tuple[tuple[int, int] | None, ...]


class Guard:
    """The dispatch table of a manifest, and what must hold of the tensors."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self._dtypes = tuple(getattr(torch, one["dtype"]) for one in manifest["inputs"])
        self.table = {
            tuple(tuple(shape) for shape in row["inputs"]): Row(
                row["variant"],
                tuple(row["axes"].values()),
                tuple(tuple(shape) for shape in row["outputs"]),
                tuple((low, high) if low is not None else None for low, high in row["ranges"]),
            )
            for row in manifest["table"]
        }

    def choose(self, inputs: Sequence[torch.Tensor]) -> Row | str:
        """The table's line for these tensors, or the name of the reason why there is none."""
        for tensor, dtype in zip(inputs, self._dtypes, strict=True):
            if tensor.device.type != "cpu":
                return "device"
            if tensor.dtype != dtype:
                return "dtype"
        row = self.table.get(tuple(tuple(tensor.shape) for tensor in inputs))
        if row is None:
            return "shape"
        for tensor, allowed in zip(inputs, row.ranges, strict=True):
            if tensor.layout != torch.strided or not tensor.is_contiguous():
                return "layout"
            if tensor.data_ptr() % ALIGNMENT_BYTES:
                return "alignment"
            if allowed is not None:
                low, high = torch.aminmax(tensor)
                if int(low) < allowed[0] or int(high) > allowed[1]:
                    return "range"
        return row
