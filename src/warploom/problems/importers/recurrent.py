"""Recurrent layers on tensors without content: two steps stand for all. Imports torch.

PyTorch takes such a layer apart step by step there, in Python: half a minute for what a processor does in a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_LAYERS = (torch._VF.lstm, torch._VF.gru, torch._VF.rnn_tanh, torch._VF.rnn_relu)


class Steps(TorchFunctionMode):
    """Calls a recurrent layer with one step and with two, and knows from these what all would have counted.

    Args:
        counted: what was counted so far, of each kind.
    """

    def __init__(self, counted: Callable[[], tuple[int, ...]]) -> None:
        super().__init__()
        self._counted = counted
        self.left_out = tuple(0 for _ in counted())

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Of packed sequences, whose steps differ, the third argument is no list of weights.
        if func in _LAYERS and len(args) == 9 and isinstance(args[2], list | tuple) and args[0].is_meta:
            return self._stepped(func, args)
        return func(*args, **(kwargs or {}))

    def _stepped(self, func: Any, args: Any) -> Any:
        sequence, *rest = args
        axis = 1 if args[8] else 0
        steps = sequence.shape[axis]
        before = self._counted()
        one, two = (sequence.narrow(axis, 0, length) for length in (1, min(2, steps)))
        start = self._counted()
        func(one, *rest)
        middle = self._counted()
        output, *states = func(two, *rest)
        end = self._counted()
        result = output.new_empty([*output.shape[:axis], steps, *output.shape[axis + 1 :]])
        now = self._counted()
        self.left_out = tuple(
            known + (b - a) + (steps - 1) * ((c - b) - (b - a)) - (d - first)
            for known, first, a, b, c, d in zip(self.left_out, before, start, middle, end, now, strict=True)
        )
        return (result, *states)
