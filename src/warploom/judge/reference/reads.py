"""How much of its inputs a reference reads: a lookup in a table reads few rows of it. Imports torch.

Every operator that PyTorch runs is watched, and what it reads of an input is marked, element by element. Views read
nothing; an operator that looks elements up by index is asked for the numbers of the elements instead of their values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from warploom.judge.reference.trace import tensors_in

_LOOKS_UP = {"embedding", "index", "index_select", "gather", "take", "_unsafe_index"}
"""Operators that read of their first tensor what their indices name."""

_BAGS = {"_embedding_bag", "_embedding_bag_forward_only"}
"""They add up rows of their first tensor, which their second names."""


class _Input:
    """One input, and which of its elements have been read."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.item_bytes = tensor.element_size()
        self._begin = tensor.storage_offset()
        self._read = torch.zeros(tensor.numel(), dtype=torch.bool, device=tensor.device)

    @property
    def read_bytes(self) -> int:
        return int(self._read.sum()) * self.item_bytes

    def mark(self, view: torch.Tensor) -> None:
        """All that a view of this input shows."""
        if view.element_size() != self.item_bytes:
            self._read.fill_(True)
        elif view.numel():
            self._read.as_strided(view.shape, view.stride(), view.storage_offset() - self._begin).fill_(True)

    def mark_found(self, view: torch.Tensor, look_up: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Those elements of a view that a look-up returns."""
        if view.element_size() != self.item_bytes:
            self._read.fill_(True)
            return
        count = self._read.numel()
        kind = torch.int32 if count < 1 << 31 else torch.int64
        numbers = torch.arange(count, dtype=kind, device=self._read.device)
        found = look_up(numbers.as_strided(view.shape, view.stride(), view.storage_offset() - self._begin))
        self._read[found.reshape(-1)] = True


class _Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Marks what is read while it is entered."""

    def __init__(self, inputs: Sequence[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inputs = {tensor.untyped_storage().data_ptr(): _Input(tensor) for tensor in inputs}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        keywords = kwargs or {}
        name = func.overloadpacket.__name__
        if not (func.is_view or name == "detach" or name.endswith("_like") or name.startswith("new_")):
            self._mark(func, name, args, keywords)
        return func(*args, **keywords)

    def _mark(self, func: Any, name: str, args: Any, keywords: Any) -> None:
        looked_into = args[0] if name in _LOOKS_UP | _BAGS else None
        for tensor in tensors_in([*args, *keywords.values()]):
            known = self.inputs.get(tensor.untyped_storage().data_ptr())
            if known is None:
                continue
            if tensor is looked_into and name in _BAGS:
                known.mark_found(tensor, lambda numbers: numbers[args[1].reshape(-1)])
            elif tensor is looked_into:
                known.mark_found(tensor, lambda numbers: func(numbers, *args[1:], **keywords))
            else:
                known.mark(tensor)


def read_bytes(call: Callable[..., Any], arguments: Sequence[torch.Tensor]) -> int:
    """Bytes of all inputs together that a call reads, each element once; the arguments are no views of each other."""
    with _Reads(arguments) as reads:
        returned = call(*arguments)
    for output in tensors_in([returned]):  # a view of an input was not read yet, and will be
        known = reads.inputs.get(output.untyped_storage().data_ptr())
        if known is not None:
            known.mark(output)
    return sum(one.read_bytes for one in reads.inputs.values())
