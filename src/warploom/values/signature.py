"""The calling convention that follows from a problem's tensors: inputs, outputs, then the axes."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.values.problem import Problem

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
    """One argument of the kernel: ``role`` is "input", "output" or "axis"; an axis has dtype int64."""

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
