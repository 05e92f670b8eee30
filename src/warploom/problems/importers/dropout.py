"""Dropout in training mode, with its random numbers as a tensor that can be given. Imports torch.

A kernel cannot draw the numbers that PyTorch draws, so they become an input: nothing else about dropout is changed.
"""

from __future__ import annotations

import torch

PARTS = 1000
"""A share of elements is dropped to a thousandth."""


class GivenDropout(torch.nn.Module):
    """An element is kept, and divided by 1 - p, where its number in ``noise`` is at least p thousandths.

    Args:
        p: share of elements that are dropped, below 1.
        whole_channels: one number for each of the first two axes, as ``Dropout2d`` has it.
    """

    noise: torch.Tensor | None

    def __init__(self, p: float, whole_channels: bool) -> None:
        super().__init__()
        self.p, self.whole_channels = p, whole_channels
        self.register_buffer("noise", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape [...] → the same."""
        if self.noise is None:  # the first call draws it, and so tells its shape
            shape = (*x.shape[:2], *(1 for _ in x.shape[2:])) if self.whole_channels else x.shape
            self.noise = torch.randint(0, PARTS, shape, dtype=torch.int16, device=x.device)
        return x * (self.noise >= round(PARTS * self.p)) / (1 - self.p)


_WHOLE_CHANNELS: dict[type[torch.nn.Module], bool] = {
    torch.nn.Dropout: False,
    torch.nn.Dropout1d: True,
    torch.nn.Dropout2d: True,
    torch.nn.Dropout3d: True,
}


def give(module: torch.nn.Module) -> bool:
    """Put :class:`GivenDropout` in place of every dropout within a module; whether there was one."""
    found = False
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            whole_channels = _WHOLE_CHANNELS.get(type(child))
            p = getattr(child, "p", 0.0)
            if whole_channels is not None and child.training and 0 < p < 1:
                setattr(parent, name, GivenDropout(p, whole_channels))
                found = True
    return found
