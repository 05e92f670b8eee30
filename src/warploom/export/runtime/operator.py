"""The kernel as a PyTorch operator: fake function, gradients, dispatch, fallback, switch, counters."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from . import library
from .guard import REASONS, Guard, Row

SWITCH = "WARPLOOM_DISABLE"
Kernel = Callable[..., None]


class Operator:
    """One operator: ``torch.ops.<namespace>.<name>``.

    A call that fits the table runs a kernel; every other call runs the reference, eagerly. Both count.

    Args:
        package: the folder with ``manifest.json`` and the variants.
        reference: the operator in PyTorch.

    Attributes:
        call: the registered operator; what ``torch.compile`` sees.
        manifest: what is known of the operator and its kernels.
    """

    def __init__(self, package: Path, reference: Callable[..., Any]) -> None:
        self.manifest: dict[str, Any] = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
        self.reference = reference
        self._package = package
        self._guard = Guard(self.manifest)
        self._kernels: dict[str, Kernel | None] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._running = threading.Lock()
        self._several = len(self.manifest["outputs"]) > 1
        names = {self.manifest["name"], self.manifest["package"]}
        self._switched_off_by = {"1", "true", "yes", "all", *(name.lower() for name in names)}
        self.call = self._register()

    # ------------------------------------------------------------ what people ask

    def counts(self) -> dict[str, int]:
        """Calls so far by path: ``kernel/<variant>``, or ``reference/<reason>``."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def reset_counts(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._counts.clear()

    def explain(self, *inputs: torch.Tensor) -> str:
        """Which path a call with these tensors takes, and why, in one line. Calls nothing and counts nothing."""
        path, _, _ = self._route(inputs)
        kind, _, name = path.partition("/")
        if kind == "kernel":
            return f"kernel {name}: measured faster at these shapes"
        return f"the PyTorch reference: {REASONS[name]}"

    # ------------------------------------------------------------ one call

    def _run(self, *inputs: torch.Tensor) -> Any:
        path, row, kernel = self._route(inputs)
        with self._lock:
            self._counts[path] = self._counts.get(path, 0) + 1
        if row is None or kernel is None:
            return self._packed([_apart(one, inputs) for one in self._computed(inputs)])
        outputs = [
            torch.empty(shape, dtype=getattr(torch, one["dtype"]), device="cpu")
            for shape, one in zip(row.outputs, self.manifest["outputs"], strict=True)
        ]
        with self._running:  # a kernel may keep scratch memory of its own, and was verified one call at a time
            kernel(*(tensor.data_ptr() for tensor in (*inputs, *outputs)), *row.axes)
        return self._packed(outputs)

    def _route(self, inputs: Sequence[torch.Tensor]) -> tuple[str, Row | None, Kernel | None]:
        if self._switched_off():
            return "reference/disabled", None, None
        row = self._guard.choose(inputs)
        if isinstance(row, str):
            return f"reference/{row}", None, None
        kernel = self._kernel(row.variant)
        if kernel is None:
            return "reference/build", None, None
        return f"kernel/{row.variant}", row, kernel

    def _switched_off(self) -> bool:
        said = os.environ.get(SWITCH)
        return bool(said) and any(word.strip().lower() in self._switched_off_by for word in str(said).split(","))

    def _kernel(self, variant: str) -> Kernel | None:
        """The kernel, built at its first use; None, with one warning, where that fails."""
        if variant in self._kernels:
            return self._kernels[variant]
        with self._running:
            if variant not in self._kernels:
                try:
                    self._kernels[variant] = self._load(variant)
                except (library.CannotBuild, OSError) as error:
                    self._kernels[variant] = None
                    said = f"{self.manifest['name']} runs its PyTorch reference: {error}"
                    warnings.warn(said, RuntimeWarning, stacklevel=2)
        return self._kernels[variant]

    def _load(self, variant: str) -> Kernel:
        folder = self._package / "variants" / variant
        return library.load(folder, self.manifest["variants"][variant], self._package)

    def _computed(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The reference's outputs. The operator keeps the dtype of its inputs: it takes no part in autocast."""
        device = inputs[0].device.type if inputs else "cpu"
        without = torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()
        with without:
            found = self.reference(*inputs)
        return list(found) if isinstance(found, tuple | list) else [found]

    def _packed(self, outputs: Sequence[torch.Tensor]) -> Any:
        return tuple(outputs) if self._several else outputs[0]

    # ------------------------------------------------------------ what PyTorch asks

    def _register(self) -> Callable[..., Any]:
        results = ", ".join("Tensor" for _ in self.manifest["outputs"])
        arguments = ", ".join(f"Tensor {one['argument']}" for one in self.manifest["inputs"])
        schema = f"({arguments}) -> {f'({results})' if self._several else results}"
        name = f"{self.manifest['namespace']}::{self.manifest['function']}"
        made = torch.library.custom_op(name, self._run, mutates_args=(), schema=schema)
        made.register_fake(self._fake)
        made.register_autograd(self._backward, setup_context=self._remember)
        found: Callable[..., Any] = getattr(
            getattr(torch.ops, self.manifest["namespace"]), self.manifest["function"]
        ).default
        return found

    def _fake(self, *inputs: torch.Tensor) -> Any:
        """Shapes and dtypes by the reference; kernels and fallback both return dense tensors of their own."""
        return self._packed(
            [torch.empty(one.shape, dtype=one.dtype, device=one.device) for one in self._computed(inputs)]
        )

    @staticmethod
    def _remember(ctx: Any, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)

    def _backward(self, ctx: Any, *gradients: torch.Tensor | None) -> Any:
        """The reference's own gradients: it is computed again, and PyTorch differentiates it."""
        needed = ctx.needs_input_grad
        again = torch.is_grad_enabled()  # somebody wants gradients of the gradients
        with torch.enable_grad():
            inputs = [
                tensor if again or not need else tensor.detach().requires_grad_()
                for tensor, need in zip(ctx.saved_tensors, needed, strict=True)
            ]
            outputs = self._computed(inputs)
        pairs = [
            (output, gradient)
            for output, gradient in zip(outputs, gradients, strict=True)
            if output.requires_grad and gradient is not None
        ]
        if not pairs:
            return tuple(None for _ in inputs) if len(inputs) != 1 else None
        wanted = [tensor for tensor, need in zip(inputs, needed, strict=True) if need]
        found = iter(
            torch.autograd.grad(
                [output for output, _ in pairs],
                wanted,
                [gradient for _, gradient in pairs],
                create_graph=again,
                allow_unused=True,
            )
        )
        result = tuple(next(found) if need else None for need in needed)
        return result if len(result) != 1 else result[0]


def _apart(output: torch.Tensor, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Dense, and in memory of its own, as an operator that changes nothing must return it."""
    dense = output.contiguous()
    mine = dense.untyped_storage().data_ptr()
    return dense.clone() if any(mine == one.untyped_storage().data_ptr() for one in inputs) else dense
