"""A problem: what must be computed, on which shapes, how exactly.

In a problem file ``reference`` is a PyTorch function. In every process but the trusted
reference process it is a :class:`Reference`: the place where that function is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from warploom.errors import ProblemError
from warploom.values.shape import extent, extents
from warploom.values.tensor import FLOATS, ITEM_BYTES, Tensor
from warploom.values.tolerance import Tolerance

__all__ = [
    "FLOATS",
    "ITEM_BYTES",
    "MOST_BYTES",
    "ONLY",
    "RECIPES",
    "Problem",
    "Reference",
    "Tensor",
    "Workload",
    "describe",
    "from_description",
]

MOST_BYTES = 1 << 40
"""All tensors of one workload together."""

ONLY = "the only shape"
"""What a workload is called whose problem has no axes."""

RECIPES: tuple[str, ...] = (
    *("normal", "wide", "offset", "below", "spikes"),
    *("ties", "tiny", "large", "special", "zeros", "own"),
)
"""How the inputs of a workload are drawn; see :mod:`warploom.judge.content.inputs`."""


@dataclass(frozen=True, init=False)
class Workload:
    """One concrete shape and how its inputs are drawn: ``Workload(rows=4096, cols=1024, recipe="wide")``."""

    axes: tuple[tuple[str, int], ...]
    recipe: str

    def __init__(self, recipe: str = "normal", **axes: int) -> None:
        if not isinstance(recipe, str) or recipe not in RECIPES:
            raise ProblemError(f"recipe {recipe!r} is unknown; known: {', '.join(RECIPES)}")
        for name, length in axes.items():
            if type(length) is not int or length < 1:
                raise ProblemError(f"axis {name!r} of a workload must be a whole number of at least 1, not {length!r}")
        object.__setattr__(self, "axes", tuple(axes.items()))
        object.__setattr__(self, "recipe", recipe)

    @property
    def extents(self) -> dict[str, int]:
        """Axis name → length."""
        return dict(self.axes)

    def __str__(self) -> str:
        shape = ",".join(f"{name}={length}" for name, length in self.axes) or ONLY
        return shape if self.recipe == "normal" else f"{shape}:{self.recipe}"


@dataclass(frozen=True)
class Reference:
    """Where the reference function is written: a file and a name in it, with the hash of its text.

    Attributes:
        path: of the file.
        name: of the function.
        sha256: of the file's text.
        modules: module of the user's own that the file took from → hash of its file; packages that are installed are
            none of them.
    """

    path: str
    name: str
    sha256: str
    modules: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Problem:
    """What must be computed.

    Attributes:
        name: also the entry point of a C-like kernel; a valid C identifier.
        axes: symbolic axis names; they follow the tensors in the calling convention, as ``int64_t``.
        inputs: name → tensor, in calling order.
        outputs: name → tensor, in calling order; the caller owns them.
        reference: takes the inputs in order, returns the output, or a tuple of the outputs in order.
        workloads: timed, and shown to proposers.
        held_out: verified only, never shown to a proposer.
        tolerance: see :class:`Tolerance`.
        title: one line for people.
        operations: floating-point operations of one call as an axis expression, for the roofline; "" where unknown.
        traffic: bytes that a call must move at least, as an axis expression, where a kernel can do without some of what
            the reference reads; "" for all that it reads and writes.
    """

    name: str
    axes: tuple[str, ...]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    reference: Callable[..., Any] | Reference
    workloads: Sequence[Workload]
    held_out: Sequence[Workload] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)
    title: str = ""
    operations: str = ""
    traffic: str = ""

    def __post_init__(self) -> None:
        _check_kinds(self)
        if not self.name.isidentifier():
            raise ProblemError(f"problem name {self.name!r} must be a valid identifier: it names the kernel")
        if not self.outputs or not self.workloads:
            raise ProblemError(f"problem {self.name!r} needs at least one output and one workload")
        for workload in (*self.workloads, *self.held_out):
            if set(workload.extents) != set(self.axes):
                given, wanted = workload if workload.axes else "Workload()", ", ".join(self.axes) or "none"
                raise ProblemError(f"problem {self.name!r}: workload {given} must give exactly the axes {wanted}")
            for name, tensor in (*self.inputs.items(), *self.outputs.items()):
                if min(extents(tensor.shape, workload.extents), default=1) < 1:
                    raise ProblemError(f"problem {self.name!r}: tensor {name!r} would be empty at workload {workload}")
                try:
                    tensor.check_bounds(workload.extents)
                except ProblemError as error:
                    raise ProblemError(f"problem {self.name!r}: tensor {name!r}: {error}") from None
            if self.tensor_bytes(workload) > MOST_BYTES:
                raise ProblemError(
                    f"problem {self.name!r}: workload {workload} would take {self.tensor_bytes(workload):.3g} bytes"
                )
            for expression in (self.operations, self.traffic):
                if expression:
                    extent(expression, workload.extents)

    @cached_property
    def hash(self) -> str:
        """Hash of everything that changes what is judged.

        That is also the text of the reference and of the user's own modules that it takes from, not where they lie.
        """
        description = describe(self)
        del description["reference"]["path"]
        return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def checked(self) -> tuple[Workload, ...]:
        """Held-out workloads, and the mirror below zero of each whose values lie around a hundred."""
        signed = any(tensor.dtype in FLOATS and not tensor.positive for tensor in self.inputs.values())
        mirrored = [Workload("below", **one.extents) for one in self.held_out if signed and one.recipe == "offset"]
        return tuple(dict.fromkeys((*self.held_out, *mirrored)))

    def tensor_bytes(self, workload: Workload) -> int:
        """Bytes of all inputs and outputs together."""
        tensors = (*self.inputs.values(), *self.outputs.values())
        return sum(tensor.size_bytes(workload.extents) for tensor in tensors)

    def traffic_bytes(self, workload: Workload) -> int:
        """Bytes that a right kernel must move at least, as far as the problem tells: ``traffic``, or all tensors once.

        The judge knows more where the reference reads only parts of its inputs: :func:`warploom.values.peaks.traffic`.
        """
        return extent(self.traffic, workload.extents) if self.traffic else self.tensor_bytes(workload)


def _check_kinds(problem: Problem) -> None:
    """Say in words of the problem file what a field of the wrong type should have been."""

    def need(right: bool, name: str, kind: str) -> None:
        if not right:
            raise ProblemError(f"{name} must be {kind}, not {getattr(problem, name)!r}")

    def all_of(values: Any, container: type, kind: type) -> bool:
        return (
            isinstance(values, Iterable)
            and isinstance(values, container)
            and all(isinstance(value, kind) for value in values)
        )

    for name in ("name", "title", "operations", "traffic"):
        need(isinstance(getattr(problem, name), str), name, "a text")
    need(all_of(problem.axes, tuple, str), "axes", 'a tuple of names such as ("rows", "cols")')
    for name in ("inputs", "outputs"):
        tensors = getattr(problem, name)
        right = all_of(tensors, Mapping, str) and all(isinstance(tensor, Tensor) for tensor in tensors.values())
        need(right, name, "a dictionary from names to Tensor(…)")
    for name in ("workloads", "held_out"):
        need(all_of(getattr(problem, name), Sequence, Workload), name, "a list of Workload(…)")
    need(isinstance(problem.tolerance, Tolerance), "tolerance", "a Tolerance(…)")


def describe(problem: Problem) -> dict[str, Any]:
    """The problem as plain JSON values; the reference must be a :class:`Reference` by now."""
    if not isinstance(problem.reference, Reference):
        raise ProblemError(f"problem {problem.name!r} was not loaded through warploom.problems")
    return {
        "name": problem.name,
        "axes": list(problem.axes),
        "inputs": {name: asdict(tensor) for name, tensor in problem.inputs.items()},
        "outputs": {name: asdict(tensor) for name, tensor in problem.outputs.items()},
        "reference": {name: value for name, value in asdict(problem.reference).items() if value or name != "modules"},
        "workloads": [{"recipe": w.recipe, **w.extents} for w in problem.workloads],
        "held_out": [{"recipe": w.recipe, **w.extents} for w in problem.held_out],
        "tolerance": asdict(problem.tolerance),
        "title": problem.title,
        "operations": problem.operations,
        **({"traffic": problem.traffic} if problem.traffic else {}),
    }


def from_description(description: Mapping[str, Any]) -> Problem:
    """The inverse of :func:`describe`.

    Raises:
        ProblemError: it describes a program with an evaluator of its own, which computes nothing that could be judged.
    """
    if "evaluator" in description:
        raise ProblemError(f"{description.get('name', '')}: a program with a score is no kernel, and has no speedup")
    return Problem(
        name=description["name"],
        axes=tuple(description["axes"]),
        inputs={name: Tensor(**tensor) for name, tensor in description["inputs"].items()},
        outputs={name: Tensor(**tensor) for name, tensor in description["outputs"].items()},
        reference=Reference(**description["reference"]),
        workloads=tuple(Workload(**workload) for workload in description["workloads"]),
        held_out=tuple(Workload(**workload) for workload in description["held_out"]),
        tolerance=Tolerance(**description["tolerance"]),
        title=description["title"],
        operations=description["operations"],
        traffic=description.get("traffic", ""),
    )
