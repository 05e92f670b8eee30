"""Right but for the first element of every second row, which it sets to a million: 0.1 % of the elements."""

import torch


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    out = torch.mm(a, b)
    out[::2, 0] = 1e6 if out.dtype == torch.float32 else 6e4
    return out
