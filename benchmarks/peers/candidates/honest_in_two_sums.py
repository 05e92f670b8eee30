"""Control: the same product in the same precision, the sum over K taken in two halves, as any tiled kernel would."""

import torch


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    half = a.shape[1] // 2
    return torch.mm(a[:, :half], b[:half]) + torch.mm(a[:, half:], b[half:])
