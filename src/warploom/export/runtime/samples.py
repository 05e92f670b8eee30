"""Inputs to try a kernel with, drawn as the judge draws its normal ones, and how exact the outcome must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

LEAST = 1e-6
"""Of the largest expected value: an error that is always allowed, for references that happen to be exact."""


def draw(manifest: dict[str, Any], row: dict[str, Any], seed: int) -> list[torch.Tensor]:
    """Fresh inputs.

    Args:
        manifest: of the operator.
        row: a line of its table, or of what was checked.
        seed: of the random numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for one, shape, (low, high) in zip(manifest["inputs"], row["inputs"], row["drawn"], strict=True):
        dtype = getattr(torch, one["dtype"])
        if dtype.is_floating_point:
            tensor = torch.randn(shape, generator=generator) * one["scale"]
            found.append((tensor.abs() if one["positive"] else tensor).to(dtype))
        else:
            found.append(torch.randint(low, high + 1, shape, generator=generator).to(dtype))
    return found


def worst_error(
    manifest: dict[str, Any],
    reference: Callable[..., Any],
    inputs: list[torch.Tensor],
    outputs: list[torch.Tensor],
) -> float:
    """The largest error, as a share of what is allowed: right is at most 1.

    What is allowed follows the judge's rule: so many times the reference's own error against float64.
    """
    plain = _listed(reference(*inputs))
    exact = _listed(reference(*(one.double() if one.is_floating_point() else one for one in inputs)))
    worst = 0.0
    for output, near, right in zip(outputs, plain, exact, strict=True):
        if output.shape != right.shape or output.dtype != near.dtype:
            return float("inf")
        wanted, tolerance = right.double(), manifest["tolerance"]
        if not torch.equal(output.isnan(), near.isnan()):
            return float("inf")
        own = (near.double() - wanted).nan_to_num().abs().max()
        allowed = tolerance["factor"] * torch.maximum(own, LEAST * wanted.nan_to_num().abs().max())
        allowed = allowed + tolerance["absolute"] + tolerance["relative"] * wanted.abs()
        error = (output.double() - wanted).nan_to_num().abs()
        worst = max(worst, float((error / allowed.clamp_min(1e-300)).max()))
    return worst


def _listed(found: Any) -> list[torch.Tensor]:
    return list(found) if isinstance(found, tuple | list) else [found]
