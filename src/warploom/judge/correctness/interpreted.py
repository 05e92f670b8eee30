"""Whether a Triton kernel is right, without a GPU: its small workloads in Triton's interpreter, against the oracle.

It is a check, not a verdict: what ran is not the code that a GPU would run. Its outcome never mints a claim.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from warploom.judge.content.guards import poison
from warploom.judge.content.inputs import decode, encode
from warploom.judge.content.layout import Array, Layout, output_layout, view
from warploom.judge.correctness.oracle import CheckedSet, draw_checked, inspect
from warploom.judge.reference.process import ReferenceProcess
from warploom.sandbox.buffers import SharedBuffer
from warploom.toolchain.triton import TritonToolchain
from warploom.toolchain.triton_interpreter import InterpretedCall, interpret
from warploom.values.candidate import Candidate
from warploom.values.outcome import Check, Failed
from warploom.values.problem import Problem, Workload
from warploom.values.signature import signature

LARGEST_BYTES = 1 << 20
"""Workloads that move more than this are left out: the interpreter takes about a millisecond a block."""

HOW = "Triton's interpreter on the CPU, small held-out workloads"


@dataclass(frozen=True)
class Interpreted:
    """What was checked.

    Attributes:
        how: in words, for the record.
        checks: one a workload.
        left_out: workloads that are too large for the interpreter.
        failed: the first that was wrong, or why nothing could be checked.
    """

    how: str
    checks: tuple[Check, ...] = ()
    left_out: int = 0
    failed: Failed | None = None

    @property
    def right(self) -> bool:
        """Whether there was a check and all were right."""
        return bool(self.checks) and self.failed is None


def check_interpreted(
    problem: Problem, candidate: Candidate, toolchain: TritonToolchain, cache: Path, seed: int | None = None
) -> Interpreted:
    """Run every small held-out workload in the interpreter and compare each element with the float64 oracle.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        candidate: the kernel.
        toolchain: for its rules and its jail.
        cache: where the reference and the scratch folders may write.
        seed: of the inputs; None draws it from the system.

    Raises:
        ReferenceFailed: the oracle could not be computed.
        ToolchainError: Triton is absent.
    """
    toolchain.version()
    rng = np.random.default_rng(secrets.randbits(63) if seed is None else seed)
    small = [one for one in problem.checked if problem.tensor_bytes(one) <= LARGEST_BYTES]
    halves = "bfloat16" in {tensor.dtype for tensor in (*problem.inputs.values(), *problem.outputs.values())}
    how = f"{HOW}; bfloat16 as float32" if halves else HOW
    left_out = len(problem.checked) - len(small)
    if not small:
        none = Failed("verify", "rejected", "no held-out workload is small enough for Triton's interpreter")
        return Interpreted(how, (), left_out, none)
    with contextlib.ExitStack() as stack:
        reference = stack.enter_context(ReferenceProcess(problem, cache))
        scenes = [_Scene(problem, workload, reference, rng, stack) for workload in small]
        calls = [scene.call for scene in scenes]
        after = interpret(toolchain, candidate, signature(problem), calls, cache / "interpreted")
        if isinstance(after, Failed):
            return Interpreted(how, (), left_out, after)
        checks: list[Check] = []
        for scene, tensors in zip(scenes, after, strict=True):
            check, failed = scene.inspect(tensors)
            checks.append(check)
            if failed:
                return Interpreted(how, tuple(checks), left_out, failed)
        return Interpreted(how, tuple(checks), left_out)


class _Scene:
    """One workload: its inputs and poisoned outputs, and what came of them."""

    def __init__(
        self,
        problem: Problem,
        workload: Workload,
        reference: ReferenceProcess,
        rng: np.random.Generator,
        stack: contextlib.ExitStack,
    ) -> None:
        self._workload = workload
        self._layout: Layout = output_layout(problem, workload)
        self._checked: CheckedSet = draw_checked(problem, workload, reference, int(rng.integers(1 << 62)))
        stack.callback(self._checked.inputs.close)
        self._output = stack.enter_context(SharedBuffer(self._layout.size_bytes))
        self._laid = poison(self._output, self._layout, rng)
        inputs = [_open(view(self._checked.inputs, one), one.dtype) for one in self._checked.layout.regions]
        outputs = [_open(view(self._output, one), one.dtype) for one in self._layout.regions]
        self._inputs = inputs
        self.call = InterpretedCall(workload.extents, (*inputs, *outputs))

    def inspect(self, tensors: tuple[Array, ...]) -> tuple[Check, Failed | None]:
        """Every element of the outputs; the inputs as they were."""
        count = len(self._inputs)
        for region, after in zip(self._layout.regions, tensors[count:], strict=True):
            view(self._output, region)[:] = _shut(after, region.dtype)
        found, rejection = inspect(self._output, self._layout, self._laid, self._checked.expected)
        if any(own.tobytes() != after.tobytes() for own, after in zip(self._inputs, tensors[:count], strict=True)):
            rejection = ("input_changed", "the kernel wrote to an input")
        guard, detail = rejection or ("", "")
        check = Check(
            str(self._workload),
            self._checked.seed,
            found.max_abs_error,
            found.max_rel_error,
            found.worst_index,
            guard,
            held_out=True,
        )
        failed = Failed("verify", guard, f"in Triton's interpreter, a held-out workload: {detail}") if guard else None
        return check, failed


def _open(stored: Array, dtype: str) -> Array:
    """A tensor as the interpreter takes it: its own copy, float32 for bfloat16."""
    if dtype == "bfloat16":
        return decode(stored, dtype).copy()
    return stored.view(np.float16).copy() if dtype == "float16" else stored.copy()


def _shut(tensor: Array, dtype: str) -> Array:
    """As it is stored."""
    if dtype == "bfloat16":
        return encode(tensor, dtype)
    return tensor.view(np.uint16) if dtype == "float16" else tensor
