"""What PyTorch can compute on GPUs alone, and references name: computed here in the plainest way. Imports torch."""

from __future__ import annotations

from typing import Any

import torch

from warploom.errors import ProblemError

_FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0)
"""Values of e2m1 by their bits (OCP Microscaling Formats, table 4)."""

_GROUP = 16  # numbers with one scale


def scaled_mm(
    a: torch.Tensor,
    b: torch.Tensor,
    scale_a: torch.Tensor,
    scale_b: torch.Tensor,
    bias: torch.Tensor | None = None,
    scale_result: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
    use_fast_accum: bool = False,
) -> torch.Tensor:
    """``torch._scaled_mm`` of NVFP4: two numbers a byte, a float8 scale for 16 of them in cuBLAS's blocked order.

    Args:
        a: shape [m, k / 2], the even numbers in the lower bits.
        b: shape [k / 2, n].
        scale_a: of ceil(m / 128) * ceil(k / 64) blocks of 128 by 4.
        scale_b: the same for n.
        bias: none.
        scale_result: none.
        out_dtype: of the result, of shape [m, n].
        use_fast_accum: changes nothing.
    """
    if a.element_size() != 1 or bias is not None or scale_result is not None or scale_a.numel() == 1:
        raise ProblemError("torch._scaled_mm is computed here for NVFP4 with blocked scales alone")
    one, other = _numbers(a, scale_a), _numbers(b.transpose(0, 1), scale_b)
    return (one @ other.T).to(out_dtype or torch.bfloat16)


def _numbers(packed: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The numbers that rows of pairs stand for, shape [rows, k], as wide as numbers are by default."""
    bits = packed.view(torch.uint8)
    table = torch.tensor(_FP4, dtype=torch.get_default_dtype(), device=packed.device)
    pairs = torch.stack((bits & 15, bits >> 4), dim=-1).flatten(1)
    values = table[pairs.long()]
    rows, columns = -(-values.shape[0] // 128), -(-values.shape[1] // (4 * _GROUP))
    blocks = scale.reshape(rows, columns, 32, 4, 4).transpose(2, 3)
    scales = blocks.permute(0, 2, 3, 1, 4).reshape(rows * 128, columns * 4).to(values.dtype)
    return values * scales.repeat_interleave(_GROUP, dim=1)[: values.shape[0], : values.shape[1]]


def put_in(text: str) -> None:
    """Put stand-ins in place of what this source names, for good."""
    if "_scaled_mm" in text:
        module: Any = torch
        module._scaled_mm = scaled_mm
