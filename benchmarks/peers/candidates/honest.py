"""Control: what was asked for. A checker that refuses this one catches nothing by refusing the others."""

import torch


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.mm(a, b)
