"""The yardstick as a problem file: its reference runs in the trusted PyTorch process alone."""

import torch

from warploom.judge.machine import yardstick


def product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """The product of x, shape [rows, inner], and w, shape [inner, cols]."""
    return torch.matmul(x, w)


problem = yardstick.problem(product)
