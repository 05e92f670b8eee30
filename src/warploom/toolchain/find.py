"""The toolchain of a language."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.errors import ToolchainError
from warploom.toolchain.cpp import CppToolchain
from warploom.toolchain.cuda import CudaToolchain
from warploom.toolchain.gpu import GpuToolchain
from warploom.toolchain.hip import HipToolchain
from warploom.toolchain.opencl import OpenClToolchain
from warploom.toolchain.protocol import Toolchain
from warploom.toolchain.triton import TritonToolchain
from warploom.values.architecture import Architecture
from warploom.values.target import parse_target

JUDGED: dict[str, type[CppToolchain] | type[OpenClToolchain]] = {"cpp": CppToolchain, "opencl": OpenClToolchain}
"""Language → its toolchain, for kernels that run on this machine's processor."""

GPU_TOOLCHAINS: dict[str, type[GpuToolchain]] = {"cuda": CudaToolchain, "hip": HipToolchain, "triton": TritonToolchain}
"""Language → its toolchain, for kernels that run on a GPU."""


def find_toolchain(language: str, architectures: Sequence[Architecture] = ()) -> Toolchain:
    """The toolchain that builds candidates of this language.

    Args:
        language: as candidates carry it.
        architectures: GPUs to compile for; none takes those of :data:`warploom.values.target.DEFAULTS`.

    Raises:
        ToolchainError: there is none.
    """
    if language in JUDGED:
        return JUDGED[language]()
    if language in GPU_TOOLCHAINS:
        return GPU_TOOLCHAINS[language](architectures or parse_target(language).architectures)
    raise ToolchainError(
        f"no toolchain for the language {language!r}; there is: {', '.join((*JUDGED, *GPU_TOOLCHAINS))}"
    )
