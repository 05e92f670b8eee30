"""What a reference does: its operators, how many operations, and what kind of problem that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS: tuple[str, ...] = (
    "attention",
    "conv",
    "gemm",
    "loss",
    "scan",
    "pooling",
    "norm",
    "reduction",
    "pointwise",
    "other",
)
"""Kinds of problems, the first that applies: a convolution with a norm behind it is a convolution."""


@dataclass(frozen=True)
class Work:
    """What calls of a reference were seen to do.

    Attributes:
        kind: one of :data:`KINDS`.
        operators: names of the PyTorch operators, in the order of their first use.
        operations: workload, as printed → arithmetic operations of one call, a multiply-add counting two.
        products: workload → those of them in matrix products, convolutions and attention.
    """

    kind: str
    operators: tuple[str, ...]
    operations: Mapping[str, int]
    products: Mapping[str, int]

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "operators": list(self.operators),
            "operations": dict(self.operations),
            "products": dict(self.products),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Work:
        """The inverse of :meth:`to_plain`.

        Raises:
            ValueError: it is none.
        """
        try:
            operations = {str(name): int(count) for name, count in plain["operations"].items()}
            products = {str(name): int(count) for name, count in plain["products"].items()}
            made = cls(str(plain["kind"]), tuple(map(str, plain["operators"])), operations, products)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not the work of a reference: {error}") from error
        if made.kind not in KINDS:
            raise ValueError(f"not the work of a reference: kind {made.kind!r}")
        return made
