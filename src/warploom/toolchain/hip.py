"""HIP for AMD's GPUs that need not be present, by clang 17 or newer with a small header in place of ROCm's."""

from __future__ import annotations

import functools
import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.errors import ToolchainError
from warploom.syntax.cuda_text import LAUNCH_KEYS
from warploom.toolchain import gcn_facts
from warploom.toolchain.gpu import Compiled, GpuToolchain, flag_complaints, read_regular, with_occupancy
from warploom.toolchain.gpu_bundle import Code
from warploom.toolchain.gpu_cpp import first_error, global_declaration
from warploom.values.architecture import Architecture
from warploom.values.candidate import Candidate, Scalar
from warploom.values.keys import without_keys
from warploom.values.launch import Launch
from warploom.values.outcome import Failed
from warploom.values.signature import C_TYPES, Signature

HOW_TO_GET = "apt-get install clang-22 lld-22 (from LLVM 17 on it knows gfx942, from 20 on gfx950)"
OLDEST = 17
HIP_TYPES: dict[str, str] = {**C_TYPES, "float16": "_Float16", "bfloat16": "__bf16"}

_OPTIONS: tuple[str, ...] = (
    *("-x", "hip", "--cuda-device-only", "-nogpuinc", "-nogpulib", "--no-gpu-bundle-output", "-fdeclspec"),
    *("-O3", "-std=c++17", "-fno-math-errno", "-ffp-contract=fast", "-w", "-fno-color-diagnostics", "-I."),
)
_FLAGS = re.compile(
    r"-O[123]|-ffast-math|-ffp-contract=(fast|on|off)|-funroll-loops|-fno-unroll-loops|-fgpu-flush-denormals-to-zero"
)
_EXAMPLES = "-O1, -O2, -O3, -ffast-math, -ffp-contract=, -funroll-loops, -fno-unroll-loops"
_SHIM, _SIGNATURE = "warploom_hip.h", "warploom_signature.h"
_CONFLICT = re.compile(
    r"error: (conflicting types for|functions that differ only in|.*declaration of '\w+' has a diff)"
)
_TOO_MUCH = re.compile(r"local memory \((\d+)\) exceeds limit \((\d+)\)")


class HipToolchain(GpuToolchain):
    """Builds a ``__global__`` function into a code object for each architecture, with no driver and no GPU."""

    language = "hip"
    program = Path(__file__).with_name("hip_compile.py")
    launch_keys = LAUNCH_KEYS

    def version(self) -> str:
        """The compiler's version, as in "clang 22.1.8".

        Raises:
            ToolchainError: there is none that can do it.
        """
        return _found()[1]

    def declaration(self, signature: Signature) -> str:
        """``extern "C" __global__ void name(const float* x, float* out, int64_t rows)``."""
        return global_declaration(signature, HIP_TYPES)

    def complaints(self, candidate: Candidate, signature: Signature) -> list[str]:
        """Flags that are not on the whitelist."""
        return flag_complaints(candidate.build_flags, _FLAGS, _EXAMPLES)

    def request(self, signature: Signature, launch: Launch, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        """Compiler, headers, and the declaration that is put before the candidate."""
        shim = Path(__file__).with_name("hip_headers.h").read_text()
        empty = "#pragma once\n"
        threads = f"--gpu-max-threads-per-block={math.prod(launch.block)}"
        return {
            "compiler": _found()[0],
            "options": [*_OPTIONS, threads, "-include", _SHIM, "-include", _SIGNATURE],
            "headers": {
                _SHIM: shim,
                _SIGNATURE: f"#pragma once\n{self.declaration(signature)};\n",
                "stdint.h": empty,
                "cstdint": empty,
            },
        }

    def roots(self) -> tuple[str, ...]:
        """The compiler's installation, and what links to it."""
        path = _found()[0]
        return tuple(dict.fromkeys(str(Path(one).parent.parent) for one in (path, os.path.realpath(path))))

    def read(
        self, folder: Path, architecture: Architecture, answer: Mapping[str, Any], signature: Signature, launch: Launch
    ) -> Compiled:
        """The code object and its facts, or the compiler's message with the candidate's own line."""
        log, assembly, name = str(answer.get("log", "")), str(answer.get("assembly", "")), signature.entry_point
        file = f"{architecture.name}.hsaco"
        data = read_regular(folder / file)
        if answer.get("status") != 0 or not data:
            return Compiled(None, failed=self._failure(log, signature))
        facts, threads = gcn_facts.resources(assembly, name), math.prod(launch.block)
        if not facts:
            said = f"the source does not define {self.declaration(signature)}"
            return Compiled(None, failed=Failed("build", "rejected", said, log))
        most = facts.pop("block_threads")
        if threads > most:
            said = f"a block of {threads} threads, and __launch_bounds__ says {most}"
            return Compiled(None, failed=Failed("build", "rejected", said, log))
        del facts["arguments"]  # the runtime fills those that the compiler added
        facts |= {"threads": threads, "shared_bytes": facts["shared_bytes"] + launch.shared_bytes}
        facts |= gcn_facts.instruction_mix(assembly)
        facts = with_occupancy(architecture, facts) | {"artifact_bytes": len(data)}
        return Compiled(Code(file, name, threads, launch.shared_bytes), data, facts)

    def _failure(self, log: str, signature: Signature) -> Failed:
        too_much = _TOO_MUCH.search(log)
        if too_much:
            said = f"{too_much[1]} bytes of shared memory a block, at most {too_much[2]}"
            return Failed("build", "rejected", said, log[-6000:])
        if _CONFLICT.search(log) and f"'{signature.entry_point}'" in log:
            return Failed("build", "rejected", f"the signature differs from {self.declaration(signature)}", log[-6000:])
        return replace(first_error(log), log_tail=log[-6000:])


@functools.cache
def _found() -> tuple[str, str]:
    """Path and version of the newest clang that has AMD's back end and a linker beside it."""
    names = [*(f"clang-{number}" for number in range(30, OLDEST - 1, -1)), "clang"]
    why = "clang was not found"
    for name in names:
        path = shutil.which(name)
        if path is None:
            continue
        targets, version = _say(path, "--print-targets"), _say(path, "--version")
        number = re.search(r"clang version (\d+)(\.\d+)*", version)
        if number is None or int(number[1]) < OLDEST or "amdgcn" not in targets:
            why = f"{name} is too old or has no back end for AMD's GPUs"
        elif not Path(_say(path, "--print-prog-name=ld.lld").strip()).is_absolute():
            why = f"{name} has no linker, ld.lld, beside it"
        else:
            return str(Path(path).absolute()), f"clang {number[0].rpartition(' ')[2]}"
    raise ToolchainError(f"{why}: HIP needs one from {OLDEST} on with its linker; install it: {HOW_TO_GET}")


def _say(path: str, question: str) -> str:
    try:
        done = subprocess.run(
            [path, question], capture_output=True, text=True, timeout=30, check=True, env=without_keys(os.environ)
        )
        return done.stdout
    except (OSError, subprocess.SubprocessError):
        return ""
