"""CUDA C++ for NVIDIA GPUs that need not be present, by NVRTC, the compiler library that comes as a Python package."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warploom.errors import ToolchainError
from warploom.syntax.cuda_text import LAUNCH_KEYS
from warploom.toolchain import ptx_facts
from warploom.toolchain.gpu import Compiled, GpuToolchain, flag_complaints, read_regular, with_occupancy
from warploom.toolchain.gpu_bundle import Code
from warploom.toolchain.gpu_cpp import first_error, global_declaration
from warploom.values.architecture import Architecture
from warploom.values.candidate import Candidate, Scalar
from warploom.values.launch import Launch
from warploom.values.outcome import Failed
from warploom.values.signature import C_TYPES, Signature

HOW_TO_GET = "pip install 'warploom[cuda]'"
SIGNATURE_HEADER = "warploom_signature.h"
CUDA_TYPES: dict[str, str] = {**C_TYPES, "float16": "__half", "bfloat16": "__nv_bfloat16"}

_INTEGERS = """#pragma once
typedef signed char int8_t; typedef unsigned char uint8_t; typedef short int16_t; typedef unsigned short uint16_t;
typedef int int32_t; typedef unsigned int uint32_t; typedef long long int64_t; typedef unsigned long long uint64_t;
"""
_HEADERS = {"float16": "cuda_fp16.h", "bfloat16": "cuda_bf16.h"}
_FLAGS = re.compile(
    r"--use_fast_math|--maxrregcount=\d{1,3}|--fmad=(true|false)|--ftz=(true|false)|--prec-(div|sqrt)=(true|false)"
    r"|--extra-device-vectorization|--restrict|--std=c\+\+(14|17|20)"
)
_EXAMPLES = "--use_fast_math, --maxrregcount=N, --fmad=, --ftz=, --prec-div=, --prec-sqrt=, --restrict, --std="
_PLACE = re.compile(r"^([\w.-]+)\((\d+)\): ", re.MULTILINE)
_CONFLICT = re.compile(
    r"has \"C\" linkage|incompatible with previous|cannot overload functions distinguished by|redeclared with __"
)
_TOO_MUCH = re.compile(r"uses too much shared data \((0x[0-9a-f]+|\d+) bytes, (0x[0-9a-f]+|\d+) max\)")


class CudaToolchain(GpuToolchain):
    """Builds a ``__global__`` function into a cubin for each architecture, with no driver and no GPU."""

    language = "cuda"
    program = Path(__file__).with_name("cuda_compile.py")
    launch_keys = LAUNCH_KEYS

    def version(self) -> str:
        """The library's version, as in "nvrtc 13.5".

        Raises:
            ToolchainError: the library is absent.
        """
        return _library_version(self._library)

    @property
    def _library(self) -> str:
        path = find_nvrtc()
        if path is None:
            raise ToolchainError(f"NVRTC, the compiler for CUDA, was not found; install it: {HOW_TO_GET}")
        return str(path)

    def declaration(self, signature: Signature) -> str:
        """``extern "C" __global__ void name(const float* x, float* out, int64_t rows)``."""
        return global_declaration(signature, CUDA_TYPES)

    def complaints(self, candidate: Candidate, signature: Signature) -> list[str]:
        """Flags that are not on the whitelist."""
        return flag_complaints(candidate.build_flags, _FLAGS, _EXAMPLES)

    def request(self, signature: Signature, launch: Launch, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        """Library, headers, and the declaration that is put before the candidate."""
        include = [str(folder) for folder in _include_folders(self._library)]
        halves = {_HEADERS[one.dtype] for one in signature.tensors if one.dtype in _HEADERS}
        lines = ["#pragma once", '#include "stdint.h"', *(f"#include <{name}>" for name in sorted(halves))]
        header = "\n".join([*lines, f"{self.declaration(signature)};", ""])
        return {
            "library": self._library,
            "headers": {SIGNATURE_HEADER: header, "stdint.h": _INTEGERS, "cstdint": _INTEGERS},
            "pre_include": SIGNATURE_HEADER,
            "include": include,
        }

    def roots(self) -> tuple[str, ...]:
        """The library's folder and its headers."""
        return (str(Path(self._library).parent), *(str(folder) for folder in _include_folders(self._library)))

    def read(
        self, folder: Path, architecture: Architecture, answer: Mapping[str, Any], signature: Signature, launch: Launch
    ) -> Compiled:
        """The cubin and its facts, or the compiler's message with the candidate's own line."""
        log = _PLACE.sub(r"\1:\2: ", str(answer.get("log", "")))
        data = read_regular(folder / f"{architecture.name}.cubin")
        if answer.get("status") != 0 or not data:
            return Compiled(None, failed=self._failure(log, architecture, signature))
        facts = ptx_facts.resources(log, signature.entry_point)
        if not facts:
            said = f"the source does not define {self.declaration(signature)}"
            return Compiled(None, failed=Failed("build", "rejected", said, log))
        threads = math.prod(launch.block)
        facts = {**facts, "threads": threads, "shared_bytes": facts["shared_bytes"] + launch.shared_bytes}
        facts |= ptx_facts.instruction_mix(str(answer.get("ptx", "")))
        facts = with_occupancy(architecture, facts) | {"artifact_bytes": len(data)}
        code = Code(f"{architecture.name}.cubin", signature.entry_point, threads, launch.shared_bytes)
        return Compiled(code, data, facts)

    def _failure(self, log: str, architecture: Architecture, signature: Signature) -> Failed:
        too_much = _TOO_MUCH.search(log)
        if too_much:
            asked, most = (int(number, 0) for number in too_much.groups())
            said = f"{asked} bytes of static shared memory a block, at most {most} on {architecture.name}"
            return Failed("build", "rejected", f"{said}; ask for more with shared=… in the LAUNCH line", log)
        if _CONFLICT.search(log) and f'"{signature.entry_point}"' in log:
            return Failed("build", "rejected", f"the signature differs from {self.declaration(signature)}", log)
        return first_error(log)


def find_nvrtc() -> Path | None:
    """The library: the Python package's, else a CUDA toolkit's; None where there is neither."""
    folders = [Path(place) / "lib" for place in _packages()]
    folders += sorted(Path("/usr/local").glob("cuda*/lib64"), reverse=True)
    for folder in folders:
        for path in sorted(folder.glob("libnvrtc.so.*")):
            if re.fullmatch(r"libnvrtc\.so\.\d+", path.name):
                return path.absolute()
    return None


def _packages() -> list[str]:
    """Folders such as ``nvidia/cu13`` and ``nvidia/cuda_nvrtc`` of the installed packages."""
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations if spec else None
    return [str(folder) for place in places or () for folder in sorted(Path(place).glob("cu*"), reverse=True)]


def _include_folders(library: str) -> list[Path]:
    """Where ``cuda_fp16.h`` and ``mma.h`` are, if they are installed."""
    places = [Path(library).parent.parent, *(Path(place) for place in _packages())]
    found = [place / "include" for place in places if (place / "include" / "cuda_fp16.h").is_file()]
    return list(dict.fromkeys(found))


@functools.cache
def _library_version(path: str) -> str:
    try:
        library = ctypes.CDLL(path)
        major, minor = ctypes.c_int(), ctypes.c_int()
        library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    except (OSError, AttributeError) as error:
        raise ToolchainError(f"NVRTC at {path} does not load: {error}; install it again: {HOW_TO_GET}") from error
    return f"nvrtc {major.value}.{minor.value}"
