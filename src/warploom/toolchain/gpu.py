"""What all toolchains for GPUs share: one build for several architectures, its facts and its static rejects."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import stat
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warploom.errors import SourceError
from warploom.syntax import launch as launch_line
from warploom.syntax import tune
from warploom.toolchain import cpp_cache, gpu_bundle
from warploom.toolchain.cpp_jail import BuildJail, find_build_jail
from warploom.toolchain.gpu_bundle import Bundle, Code
from warploom.toolchain.gpu_workspace import as_launched, disagreement
from warploom.toolchain.occupancy import occupancy
from warploom.values.architecture import Architecture
from warploom.values.candidate import Candidate, Scalar
from warploom.values.launch import Launch
from warploom.values.outcome import Build, Failed
from warploom.values.plain_text import printable
from warploom.values.signature import Signature

_LOG_CHARACTERS = 6000
_ANSWER_BYTES = 16 << 20
"""Largest file that is read of what a compiler leaves: a kernel is small, and facts are sought in every line."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,55}\.(cu|cuh|hip|h|py)")
_OWN_FILES = frozenset({"warploom_signature.h", "warploom_hip.h", "stdint.h"})


@dataclass(frozen=True)
class Compiled:
    """What came of one architecture.

    Attributes:
        code: how the kernel is called; None where it did not build.
        data: its code.
        facts: numbers about it.
        failed: why it did not build.
    """

    code: Code | None
    data: bytes = b""
    facts: Mapping[str, int] = field(default_factory=dict)
    failed: Failed | None = None


class GpuToolchain(ABC):
    """Compiles candidates for architectures that need not be present.

    The first architecture must build, or the candidate failed; the others only say how portable it is. A build says
    nothing about right or wrong: see docs/gpu.md.

    Args:
        architectures: what to compile for, the most important first.
        timeout_s: seconds for one build, all architectures together.
    """

    language: str
    program: Path
    """What does the work, in a jail: a script that answers request.json in its folder with answer.json."""

    launch_keys: tuple[str, ...]
    """What the LAUNCH line may say."""

    def __init__(self, architectures: Sequence[Architecture], timeout_s: float = 60.0) -> None:
        if not architectures:
            raise ValueError("name at least one architecture")
        self.architectures = tuple(architectures)
        self.timeout_s = timeout_s

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the build does not protect on this machine."""
        return self.jail().gaps

    @abstractmethod
    def version(self) -> str:
        """Compiler and version; ToolchainError where it is absent."""

    @abstractmethod
    def declaration(self, signature: Signature) -> str:
        """The entry point as a candidate has to write it."""

    @abstractmethod
    def complaints(self, candidate: Candidate, signature: Signature) -> list[str]:
        """What the text breaks, beyond what every language asks for."""

    @abstractmethod
    def request(self, signature: Signature, launch: Launch, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        """What the program is told, beside sources, flags and architectures."""

    @abstractmethod
    def roots(self) -> tuple[str, ...]:
        """Folders that the program reads."""

    @abstractmethod
    def read(
        self, folder: Path, architecture: Architecture, answer: Mapping[str, Any], signature: Signature, launch: Launch
    ) -> Compiled:
        """What the program answered for one architecture."""

    def check_source(self, candidate: Candidate, signature: Signature) -> Failed | None:
        """Rules that can be read off the text: language, names, flags, TUNE and LAUNCH lines, the entry point."""
        found = []
        if candidate.language != self.language:
            found.append(f"a {candidate.language} candidate was given to the {self.language} toolchain")
        if candidate.entry_point != signature.entry_point:
            found.append(f"the entry point is {candidate.entry_point}; the problem wants {self.declaration(signature)}")
        for name, _ in candidate.sources:
            if not _FILE_NAME.fullmatch(name) or name in _OWN_FILES:
                found.append(f"the file name {name!r} cannot be used; use a plain one such as kernel.cu or kernel.py")
        try:
            launch, _ = self.launch(candidate, signature)
            signature = as_launched(signature, launch)
            found += disagreement(candidate.source, signature, self.declaration(signature))
        except SourceError as error:
            found.append(str(error))
        found += self.complaints(candidate, signature)
        if not re.search(rf"\b{re.escape(signature.entry_point)}\s*\(", candidate.source):
            found.append(f"no definition of the entry point; the source needs {self.declaration(signature)}")
        return Failed("source", "rejected", found[0]) if found else None

    def build(self, candidate: Candidate, signature: Signature, cache: Path) -> Build | Failed:
        """Compile for every architecture into the cache, or say what the compiler said of the first."""
        rejected = self.check_source(candidate, signature)
        if rejected:
            return rejected
        begin = time.perf_counter_ns()
        launch, parameters = self.launch(candidate, signature)
        signature = as_launched(signature, launch)
        main = candidate.sources[0][0]
        text = launch_line.remove(tune.resolve(candidate.source, dict(candidate.parameters)))
        names = [one.name for one in self.architectures]
        request = {
            "main": main,
            "entry_point": signature.entry_point,
            "architectures": names,
            "flags": list(candidate.build_flags),
            **self.request(signature, launch, parameters),
        }
        program = self.program.read_text()
        sources = ((main, text), *candidate.sources[1:])
        texts = [part for source in sources for part in source]
        told = json.dumps([request, launch.as_json()], sort_keys=True)
        name = cpp_cache.key(("gpu build 1", self.language, self.version(), program, told, *texts))
        record = cpp_cache.look_up(cache, name, gpu_bundle.ARTIFACT)
        if record is not None:
            return self._as_build(cache, name, record, 0)
        with cpp_cache.scratch(cache) as folder:
            for file, source in sources:
                (folder / file).write_text(source)
            (folder / "request.json").write_text(json.dumps(request))
            made = self._compile(folder, signature, launch)
            if isinstance(made, Failed):
                return made
            facts, log = made
            bundle = folder / gpu_bundle.ARTIFACT
            record = {
                "build": name,
                "sha256": cpp_cache.sha256(bundle),
                "command": [self.language, *names, *candidate.build_flags],
                "log": log,
                "facts": facts,
            }
            cpp_cache.admit(cache, name, bundle, record, gpu_bundle.ARTIFACT)
            record = cpp_cache.look_up(cache, name, gpu_bundle.ARTIFACT) or record
        return self._as_build(cache, name, record, time.perf_counter_ns() - begin)

    def launch(self, candidate: Candidate, signature: Signature) -> tuple[Launch, dict[str, Scalar]]:
        """How a candidate is started, and the values of all its TUNE lines; SourceError where it does not say."""
        return launch_line.of(candidate, signature, self.launch_keys)

    def _compile(self, folder: Path, signature: Signature, launch: Launch) -> tuple[dict[str, int], str] | Failed:
        """Run the program, read every architecture, write the bundle."""
        jail = self.jail()
        script = shlex.join([sys.executable, "-I", str(self.program)])
        status = jail.run(script, folder, folder, self.timeout_s)
        said = printable((read_regular(folder / "log.txt") or b"")[-_LOG_CHARACTERS:].decode(errors="replace"))
        if status is None:
            return Failed("build", "timeout", f"the compiler did not end within {self.timeout_s:g} s", said)
        answer = read_json(folder / "answer.json") if status == 0 else None
        if answer is None:
            last = said.strip().rpartition("\n")[2][:300] or f"no answer, or one of more than {_ANSWER_BYTES >> 20} MiB"
            return Failed("build", "compile_error", f"the compiler ended with status {status}: {last}", said)
        compiled: dict[str, Compiled] = {}
        for one in self.architectures:
            made = self.read(folder, one, _table(answer.get(one.name)), signature, launch)
            failed = made.failed or _launchable(one, made, launch)
            if failed and not compiled:
                return failed
            compiled[one.name] = dataclasses.replace(made, code=None, failed=failed) if failed else made
        facts, lines = _together(compiled)
        codes = {name: made.code for name, made in compiled.items() if made.code}
        data = {made.code.file: made.data for made in compiled.values() if made.code}
        Bundle(self.language, launch, codes, data).write(folder / gpu_bundle.ARTIFACT)
        return facts, lines

    def jail(self) -> BuildJail:
        """Where untrusted text is read: it sees the compiler and one folder."""
        jail = find_build_jail(sys.executable)
        outside = [root for root in (*self.roots(), str(self.program.parent)) if not root.startswith("/usr/")]
        return dataclasses.replace(jail, compiler_roots=tuple(dict.fromkeys([*jail.compiler_roots, *outside])))

    def _as_build(self, cache: Path, name: str, record: Mapping[str, Any], elapsed_ns: int) -> Build:
        return Build(
            artifact=str(cache / name / gpu_bundle.ARTIFACT),
            sha256=str(record["sha256"]),
            toolchain=self.version(),
            command=tuple(record["command"]),
            log=str(record["log"]),
            elapsed_ns=elapsed_ns,
            facts=record["facts"],
        )


def _launchable(architecture: Architecture, made: Compiled, launch: Launch) -> Failed | None:
    """A kernel that no GPU of this architecture can start is rejected before one tries."""
    shared, threads = made.facts.get("shared_bytes", 0), made.facts.get("threads", 1)
    if shared > architecture.block_shared_bytes:
        said = f"{shared} bytes of shared memory a block; {architecture.name} has {architecture.block_shared_bytes}"
        return Failed("build", "rejected", said)
    if threads > architecture.block_threads:
        said = f"{threads} threads a block; {architecture.name} takes {architecture.block_threads}"
        return Failed("build", "rejected", said)
    if "registers" in made.facts and made.facts.get("occupancy_percent") == 0:
        said = f"{threads} threads of {made.facts['registers']} registers do not fit into {architecture.name}"
        return Failed("build", "rejected", said)
    return None


def with_occupancy(architecture: Architecture, facts: Mapping[str, int]) -> dict[str, int]:
    """The facts and what follows from registers, shared memory and threads: resident blocks, occupancy in percent."""
    held = occupancy(architecture, facts["threads"], facts["registers"], facts["shared_bytes"])
    return {**facts, "blocks_per_unit": held.blocks, "occupancy_percent": held.percent}


def _together(compiled: Mapping[str, Compiled]) -> tuple[dict[str, int], str]:
    """Facts of the first architecture by their names, of all of them by "sm_90a.registers", and portability."""
    first = next(iter(compiled.values()))
    facts = dict(first.facts)
    for name, made in compiled.items():
        facts |= {f"{name}.builds": int(made.code is not None)}
        facts |= {f"{name}.{fact}": value for fact, value in made.facts.items()}
    facts["targets"] = len(compiled)
    facts["targets_built"] = sum(made.code is not None for made in compiled.values())
    lines = [f"{name}: {made.failed.message}" for name, made in compiled.items() if made.failed]
    return facts, "\n".join(lines)


def read_regular(path: Path) -> bytes | None:
    """A file that the jailed program wrote; None for a link, a pipe, or one too large: it may point anywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _ANSWER_BYTES:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any] | None:
    """An object that the jailed program wrote; None for anything else."""
    try:
        answer = json.loads(read_regular(path) or b"")
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def flag_complaints(flags: Collection[str], allowed: re.Pattern[str], examples: str) -> list[str]:
    """One line a flag that is not on the whitelist."""
    return [
        f"the flag {flag!r} is not on the whitelist; those that are: {examples}"
        for flag in flags
        if not allowed.fullmatch(flag)
    ]
