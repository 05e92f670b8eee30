"""What CUDA and HIP share: the entry point in C++, and how their compilers name an error."""

from __future__ import annotations

from collections.abc import Mapping

from warploom.values.outcome import Failed
from warploom.values.signature import Signature


def global_declaration(signature: Signature, types: Mapping[str, str]) -> str:
    """``extern "C" __global__ void name(const float* x, float* out, int64_t rows)``.

    Args:
        signature: of the kernel.
        types: dtype → what the language calls it.
    """
    words = []
    for argument in signature.arguments:
        const = "const " if argument.role == "input" else ""
        kind = "int64_t" if argument.role == "axis" else f"{const}{types[argument.dtype]}*"
        words.append(f"{kind} {argument.name}")
    return f'extern "C" __global__ void {signature.entry_point}({", ".join(words)})'


def first_error(log: str) -> Failed:
    """The failure of a build by the first line of the compiler's messages that names an error."""
    first = next((line for line in log.splitlines() if "error" in line), "") or "the compiler gave no message"
    return Failed("build", "compile_error", first.strip()[:400], log)
