"""OpenCL C for this machine's processor: PoCL compiles it, and it is judged like C++. See docs/gpu.md."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.errors import SourceError, ToolchainError
from warploom.syntax import launch as launch_line
from warploom.syntax import tune
from warploom.toolchain import cpp_cache, cpp_facts
from warploom.toolchain.cpp import processor
from warploom.toolchain.cpp_jail import BuildJail, find_build_jail
from warploom.toolchain.cpp_symbols import rejection
from warploom.toolchain.gpu import flag_complaints, read_json, read_regular
from warploom.toolchain.gpu_cpp import first_error
from warploom.toolchain.opencl_find import HOW_TO_GET, Pocl, find_pocl
from warploom.toolchain.opencl_launch import MOST_LOCALS, launcher
from warploom.values.candidate import Candidate
from warploom.values.launch import Launch
from warploom.values.outcome import Build, Failed
from warploom.values.plain_text import printable
from warploom.values.signature import Signature

OLDEST = 3
"""The first major version of PoCL whose work-group functions are called as the launcher calls them."""

OPENCL_TYPES: dict[str, str] = {
    **dict.fromkeys(("int8",), "char"),
    **dict.fromkeys(("uint8", "bool"), "uchar"),
    **{"int16": "short", "bfloat16": "ushort", "float16": "half", "int32": "int", "int64": "long"},
    **{"float32": "float", "float64": "double"},
}
LAUNCH_KEYS = ("grid", "block")

_PROGRAM = Path(__file__).with_name("opencl_compile.py")
_OPTIONS = ("-cl-std=CL3.0", "-I.")
_FLAGS = re.compile(
    r"-cl-(fast-relaxed-math|mad-enable|finite-math-only|no-signed-zeros|unsafe-math-optimizations|opt-disable)"
)
_EXAMPLES = "-cl-fast-relaxed-math, -cl-mad-enable, -cl-finite-math-only, -cl-no-signed-zeros"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,55}\.(cl|h)")
_LOCAL_ARRAY = re.compile(r"^[ \t]*(?:__local|local)\b[^;()=]*\[", re.MULTILINE)
_CONFLICT = re.compile(r"error: conflicting types for '(\w+)'")
_MESSAGE = re.compile(r"^(error|warning|note): ([\w.-]+:\d+:\d+: )", re.MULTILINE)
_VERSION = re.compile(r"PoCL ((\d+)[\w.-]*)")
_LOG_CHARACTERS, _LISTING_BYTES, _ARTIFACT_BYTES = 6000, 16 << 20, 16 << 20


class OpenClToolchain:
    """Builds a ``__kernel`` function into a library with the calling convention of C++.

    Args:
        timeout_s: seconds for one build.
    """

    language = "opencl"

    def __init__(self, timeout_s: float = 60.0) -> None:
        self.timeout_s = timeout_s

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the build does not protect on this machine."""
        return _jail(self._pocl).gaps

    @property
    def _pocl(self) -> Pocl:
        found = find_pocl()
        if found is None:
            raise ToolchainError(f"PoCL, which runs OpenCL on a processor, was not found; install it: {HOW_TO_GET}")
        return found

    def version(self) -> str:
        """PoCL and its compiler: "pocl 3.0-rc2, LLVM 14.0.6".

        Raises:
            ToolchainError: PoCL or g++, which compiles the launcher, is absent or does not work.
        """
        _linker()
        return _version(self._pocl)

    def declaration(self, signature: Signature) -> str:
        """``__kernel void name(__global const float* x, __global float* out, long rows)``."""
        words = []
        for argument in signature.arguments:
            const = "const " if argument.role == "input" else ""
            kind = "long" if argument.role == "axis" else f"__global {const}{OPENCL_TYPES[argument.dtype]}*"
            words.append(f"{kind} {argument.name}")
        return f"__kernel void {signature.entry_point}({', '.join(words)})"

    def check_source(self, candidate: Candidate, signature: Signature) -> Failed | None:
        """Rules that can be read off the text: language, names, flags, TUNE and LAUNCH lines, the entry point."""
        found = []
        if candidate.language != self.language:
            found.append(f"a {candidate.language} candidate was given to the {self.language} toolchain")
        if candidate.entry_point != signature.entry_point:
            found.append(f"the entry point is {candidate.entry_point}; the problem wants {self.declaration(signature)}")
        for name, _ in candidate.sources:
            if not _FILE_NAME.fullmatch(name):
                found.append(f"the file name {name!r} cannot be used; use a plain one such as kernel.cl")
        found += flag_complaints(candidate.build_flags, _FLAGS, _EXAMPLES)
        if not re.search(rf"\b{re.escape(signature.entry_point)}\s*\(", candidate.source):
            found.append(f"no definition of the entry point; the source needs {self.declaration(signature)}")
        if len(_LOCAL_ARRAY.findall(candidate.source)) > MOST_LOCALS:
            found.append(f"a kernel may have {MOST_LOCALS} arrays in local memory at most")
        try:
            launch_line.of(candidate, signature, LAUNCH_KEYS)
        except SourceError as error:
            found.append(str(error))
        return Failed("source", "rejected", found[0]) if found else None

    def build(self, candidate: Candidate, signature: Signature, cache: Path) -> Build | Failed:
        """Compile and link into the cache, or say what the compiler said. Safe to call concurrently."""
        rejected = self.check_source(candidate, signature)
        if rejected:
            return rejected
        begin = time.perf_counter_ns()
        launch, _ = launch_line.of(candidate, signature, LAUNCH_KEYS)
        x, y, z = (*launch.block, 1, 1, 1)[:3]
        launch = replace(launch, block=(x, y, z))
        main = candidate.sources[0][0]
        text = launch_line.remove(tune.resolve(candidate.source, dict(candidate.parameters)))
        version, others = self.version(), candidate.sources[1:]
        request = {
            "loader": self._pocl.loader,
            "driver": self._pocl.driver,
            "linker": _linker(),
            "text": f'{self.declaration(signature)};\n#line 1 "{main}"\n{text}\n',
            "options": [*_OPTIONS, *candidate.build_flags],
            "entry_point": signature.entry_point,
            "block": launch.block,
        }
        host = launcher(signature, launch, 0, _major(version))
        told = json.dumps(request, sort_keys=True)
        rest = [part for source in others for part in source]
        program = _PROGRAM.read_text()
        name = cpp_cache.key(("opencl build 1", version, processor(), program, host, told, *rest))
        record = cpp_cache.look_up(cache, name)
        if record is not None:
            return _as_build(cache, name, record, version, 0)
        with cpp_cache.scratch(cache) as folder:
            for file, source in others:
                (folder / file).write_text(source)
            made = self._compile(folder, request, signature, launch, _major(version))
            if isinstance(made, Failed):
                return made
            facts, log = made
            record = {
                "build": name,
                "sha256": cpp_cache.sha256(folder / cpp_cache.ARTIFACT),
                "command": [self.language, *request["options"]],
                "log": log,
                "facts": facts,
            }
            cpp_cache.admit(cache, name, folder / cpp_cache.ARTIFACT, record)
            record = cpp_cache.look_up(cache, name) or record
        return _as_build(cache, name, record, version, time.perf_counter_ns() - begin)

    def _compile(
        self, folder: Path, request: Mapping[str, Any], signature: Signature, launch: Launch, major: int
    ) -> tuple[dict[str, int], str] | Failed:
        """Have PoCL compile the kernel, then put the launcher round it."""
        answer = _ask(self._pocl, folder, request, self.timeout_s)
        if isinstance(answer, Failed):
            return answer
        log = _tidy(str(answer.get("log", "")))
        facts = {str(name): int(value) for name, value in dict(answer.get("facts") or {}).items()}
        failed = self._failure(answer, facts, log, signature, launch)
        if failed:
            return failed
        (folder / "launch.cpp").write_text(launcher(signature, launch, facts["shared_bytes"], major))
        words = ["-O2", "-fPIC", "-fopenmp", "-w", "-shared", "launch.cpp", "kernel.o", "-o", cpp_cache.ARTIFACT]
        script = (
            f"{shlex.join([_linker(), *words, '-Wl,--no-undefined', '-lm'])} || exit 4\n"
            "objdump -d -j .text --no-show-raw-insn kernel.o >code.txt 2>/dev/null\nexit 0"
        )
        status = _jail(self._pocl).run(script, folder, folder, self.timeout_s)
        library = folder / cpp_cache.ARTIFACT
        if status != 0 or not library.is_file():
            said = printable((read_regular(folder / "log.txt") or b"")[-_LOG_CHARACTERS:].decode(errors="replace"))
            last = said.strip().rpartition("\n")[2][:300]
            return Failed("build", "compile_error", f"the kernel cannot be linked: {last}", said)
        if library.stat().st_size > _ARTIFACT_BYTES:
            return Failed("build", "rejected", f"the library is larger than {_ARTIFACT_BYTES >> 20} MiB", log)
        rejected = rejection(library, log)
        if rejected:
            return rejected
        listing = read_regular(folder / "code.txt") or b""
        known = {"threads": math.prod(launch.block), "artifact_bytes": library.stat().st_size}
        if os.uname().machine == "x86_64":
            known |= cpp_facts.instruction_mix(listing.decode(errors="replace"))
        shown = ("shared_bytes", "private_bytes", "preferred_multiple")
        return {name: facts[name] for name in shown} | known, log

    def _failure(
        self, answer: Mapping[str, Any], facts: Mapping[str, int], log: str, signature: Signature, launch: Launch
    ) -> Failed | None:
        """Why a program is no kernel that this device can start; None when it is one."""
        status, threads = answer.get("status"), math.prod(launch.block)
        if status == "compile_error":
            conflict = _CONFLICT.search(log)
            if conflict and conflict[1] == signature.entry_point:
                return Failed("build", "rejected", f"the signature differs from {self.declaration(signature)}", log)
            return first_error(log)
        if status == "no_kernel":
            return Failed("build", "rejected", f"the source does not define {self.declaration(signature)}", log)
        if status == "too_much" and facts["shared_bytes"] > int(answer["local_bytes"]):
            said = f"{facts['shared_bytes']} bytes of local memory a work-group; this device has"
            return Failed("build", "rejected", f"{said} {answer['local_bytes']}", log)
        if status == "too_much":
            said = f"{threads} work-items a work-group; this device takes {answer['work_group']}"
            return Failed("build", "rejected", said, log)
        if status != "built":
            return Failed("build", "compile_error", f"PoCL could not build it: {log.strip()[:300]}", log)
        required = tuple(facts[f"required_{axis}"] for axis in "xyz")
        if any(required) and required != launch.block:
            said = f"reqd_work_group_size{required} in the source, block={launch.block} in the LAUNCH line"
            return Failed("build", "rejected", f"two sizes of a work-group: {said}", log)
        return None


def _ask(pocl: Pocl, folder: Path, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any] | Failed:
    """What PoCL answers in its jail."""
    (folder / "request.json").write_text(json.dumps(request))
    script = shlex.join([sys.executable, "-I", str(_PROGRAM)])
    status = _jail(pocl).run(script, folder, folder, timeout_s)
    said = printable((read_regular(folder / "log.txt") or b"")[-_LOG_CHARACTERS:].decode(errors="replace"))
    if status is None:
        return Failed("build", "timeout", f"the compiler did not end within {timeout_s:g} s", said)
    answer = read_json(folder / "answer.json") if status == 0 else None
    if answer is None:
        last = said.strip().rpartition("\n")[2][:300] or "no answer"
        return Failed("build", "compile_error", f"the compiler ended with status {status}: {last}", said)
    return answer


@functools.cache
def _version(pocl: Pocl) -> str:
    with tempfile.TemporaryDirectory() as folder:
        answer = _ask(pocl, Path(folder), {"loader": pocl.loader, "driver": pocl.driver}, 60.0)
    said = answer.message if isinstance(answer, Failed) else str(answer.get("version") or answer.get("log"))
    found = _VERSION.search(said)
    if found is None:
        raise ToolchainError(f"PoCL at {pocl.driver} does not work: {said}; install it again: {HOW_TO_GET}")
    if int(found[2]) < OLDEST:
        raise ToolchainError(f"PoCL at {pocl.driver} is {found[1]}; {OLDEST}.0 or newer is needed: {HOW_TO_GET}")
    llvm = re.search(r"LLVM [\d.]+", said)
    return f"pocl {found[1]}{f', {llvm[0]}' if llvm else ''}"


def _major(version: str) -> int:
    return int(re.findall(r"\d+", version)[0])


def _linker() -> str:
    found = shutil.which("g++")
    if found is None:
        raise ToolchainError("g++, which compiles the launcher of OpenCL kernels, was not found: apt-get install g++")
    return str(Path(found).absolute())


def _jail(pocl: Pocl) -> BuildJail:
    """Where untrusted text is read: it sees PoCL, Python, the linker and one folder."""
    jail = find_build_jail(sys.executable)
    outside = [root for root in (*pocl.roots, str(_PROGRAM.parent)) if not root.startswith("/usr/")]
    compiler = str(Path(_linker()).parent.parent)
    outside += [compiler] if not (compiler + "/").startswith("/usr/") else []
    return replace(jail, compiler_roots=tuple(dict.fromkeys([*jail.compiler_roots, *outside])))


def _tidy(log: str) -> str:
    """The messages with the place first, as every compiler here has it."""
    return printable(_MESSAGE.sub(r"\2\1: ", log)[-_LOG_CHARACTERS:])


def _as_build(cache: Path, name: str, record: Mapping[str, Any], version: str, elapsed_ns: int) -> Build:
    return Build(
        artifact=str(cache / name / cpp_cache.ARTIFACT),
        sha256=str(record["sha256"]),
        toolchain=version,
        command=tuple(record["command"]),
        log=str(record["log"]),
        elapsed_ns=elapsed_ns,
        facts=record["facts"],
    )
