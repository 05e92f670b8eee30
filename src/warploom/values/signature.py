"""The calling convention that follows from a problem's tensors: inputs, outputs, then the axes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from warploom.errors import SourceError
from warploom.values.problem import Problem

WORKSPACE = "workspace"
"""The name of the argument that leads to scratch memory."""

C_TYPES: dict[str, str] = {
    "float32": "float",
    "float64": "double",
    "float16": "uint16_t",
    "bfloat16": "uint16_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "bool": "uint8_t",
}


@dataclass(frozen=True)
class Argument:
    """One argument of the kernel: ``role`` is "input", "output", "axis" or "workspace"; an axis has dtype int64."""

    name: str
    dtype: str
    role: str


@dataclass(frozen=True)
class Signature:
    """The kernel's name and arguments, in calling order."""

    entry_point: str
    arguments: tuple[Argument, ...]

    @property
    def tensors(self) -> tuple[Argument, ...]:
        """The arguments passed by pointer."""
        return tuple(argument for argument in self.arguments if argument.role != "axis")

    @property
    def has_workspace(self) -> bool:
        """Whether the last argument is scratch memory."""
        return bool(self.arguments) and self.arguments[-1].role == WORKSPACE

    def with_workspace(self) -> Signature:
        """With one more pointer behind the axes: scratch memory of a launch, as float32.

        Raises:
            SourceError: an argument of the problem has that name.
        """
        if any(argument.name == WORKSPACE for argument in self.arguments):
            raise SourceError(f"the problem itself has an argument {WORKSPACE!r}: its kernels get no scratch memory")
        return replace(self, arguments=(*self.arguments, Argument(WORKSPACE, "float32", WORKSPACE)))

    def c_declaration(self) -> str:
        """``extern "C" void name(const float* x, float* out, int64_t rows)``, without a semicolon."""
        words = []
        for argument in self.arguments:
            if argument.role == "axis":
                words.append(f"int64_t {argument.name}")
            else:
                const = "const " if argument.role == "input" else ""
                words.append(f"{const}{C_TYPES[argument.dtype]}* {argument.name}")
        return f'extern "C" void {self.entry_point}({", ".join(words)})'


def signature(problem: Problem) -> Signature:
    """The calling convention of this problem's kernels."""
    return Signature(
        problem.name,
        (
            *(Argument(name, tensor.dtype, "input") for name, tensor in problem.inputs.items()),
            *(Argument(name, tensor.dtype, "output") for name, tensor in problem.outputs.items()),
            *(Argument(name, "int64", "axis") for name in problem.axes),
        ),
    )
