"""C++ for this machine's processor, by g++ or clang++."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from warploom.errors import SourceError, ToolchainError
from warploom.syntax import tune
from warploom.toolchain import cpp_cache, cpp_facts, cpp_flags, cpp_headers
from warploom.toolchain.cpp_jail import find_build_jail
from warploom.toolchain.cpp_symbols import rejection
from warploom.values.candidate import Candidate
from warploom.values.keys import without_keys
from warploom.values.outcome import Build, Failed
from warploom.values.plain_text import printable
from warploom.values.signature import Signature

DEFAULT_FLAGS: tuple[str, ...] = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC")
"""Before the candidate's own flags, which win."""

_QUIET = (
    "-pipe",
    "-w",
    "-Winvalid-pch",
    "-fmax-errors=5",
    "-fdiagnostics-color=never",
    "-ftemplate-depth=256",
)
_LOG_CHARACTERS = 6000
_ARTIFACT_BYTES = 16 << 20
"""Largest library: a kernel is small, and every build is kept."""

_REPORT_BYTES = 16 << 20
"""Largest report that facts are read from: a listing of endless code would keep the judge busy for minutes."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_OWN_FILES = frozenset(
    {"kernel.o", "kernel.so", "vectors.txt", "code.txt", "log.txt", "link.txt", "pre.h", cpp_headers.SIGNATURE_HEADER}
)
_CONFLICT = re.compile(
    r"error: (?:conflicting (?:declaration|types)|ambiguating new declaration|functions that differ only in"
    r"|static declaration of .* follows|.* was declared 'extern' and later)"
)


class CppToolchain:
    """Builds C++ candidates into shared objects.

    The object is compiled with the candidate's flags but *linked* without them: a library linked with
    ``-ffast-math`` switches the whole process that loads it to flush denormals.

    Args:
        compiler: "g++", "clang++", or the path of either.
        timeout_s: seconds for one build.
    """

    language = "cpp"

    def __init__(self, compiler: str = "g++", timeout_s: float = 30.0) -> None:
        self.compiler = compiler
        self.timeout_s = timeout_s

    @functools.cached_property
    def _path(self) -> str:
        found = shutil.which(self.compiler)
        if found is None:
            package = "clang" if "clang" in self.compiler else "g++"
            raise ToolchainError(
                f"the compiler {self.compiler!r} was not found; install it (Debian, Ubuntu: apt install {package})"
            )
        return str(Path(found).absolute())  # not what it links to: clang++ goes by its name

    @functools.cached_property
    def _version(self) -> str:
        try:
            done = subprocess.run(
                [self._path, "--version"],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
                env=without_keys(os.environ),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ToolchainError(f"the compiler {self._path} does not run: {error}") from error
        first = done.stdout.splitlines()[0] if done.stdout else ""
        number = re.search(r"\d+\.\d+(\.\d+)?", first.rpartition(")")[2] or first)
        return f"{'clang++' if 'clang' in first else 'g++'} {number[0] if number else first}"

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the build does not protect on this machine."""
        return find_build_jail(self._path).gaps

    def version(self) -> str:
        """The compiler and its version: "g++ 12.2.0".

        Raises:
            ToolchainError: the compiler is absent.
        """
        return self._version

    def check_source(self, candidate: Candidate, signature: Signature) -> Failed | None:
        """Rules that can be read off the text: language, names, flags, TUNE lines, the entry point."""
        for complaint in self._complaints(candidate, signature):
            return Failed("source", "rejected", complaint)
        return None

    def _complaints(self, candidate: Candidate, signature: Signature) -> list[str]:
        found = []
        if candidate.language != self.language:
            found.append(f"a {candidate.language} candidate was given to the {self.language} toolchain")
        if candidate.entry_point != signature.entry_point:
            found.append(f"the entry point is {candidate.entry_point}; the problem wants {signature.c_declaration()}")
        for name, _ in candidate.sources:
            if not _FILE_NAME.fullmatch(name) or name in _OWN_FILES:
                found.append(f"the file name {name!r} cannot be used; use a plain one such as kernel.cpp")
        found += [complaint for flag in candidate.build_flags if (complaint := cpp_flags.complaint(flag, self._gcc))]
        if not re.search(rf"\b{re.escape(signature.entry_point)}\s*\(", candidate.source):
            found.append(f"no definition of the entry point; the source needs {signature.c_declaration()}")
        try:
            tune.resolve(candidate.source, dict(candidate.parameters))
        except SourceError as error:
            found.append(str(error))
        return found

    def build(self, candidate: Candidate, signature: Signature, cache: Path) -> Build | Failed:
        """Compile and link into the cache, or say what the compiler said. Safe to call concurrently."""
        rejected = self.check_source(candidate, signature)
        if rejected:
            return rejected
        found = self._built(candidate, signature, cache)
        # Whether it was built now or is kept from long ago.
        return (rejection(Path(found.artifact), found.log) if isinstance(found, Build) else None) or found

    def _built(self, candidate: Candidate, signature: Signature, cache: Path) -> Build | Failed:
        begin = time.perf_counter_ns()
        main = candidate.sources[0][0]
        sources = ((main, tune.resolve(candidate.source, dict(candidate.parameters))), *candidate.sources[1:])
        command = (*DEFAULT_FLAGS, *candidate.build_flags, *self._report_flags(), "-c", main)
        target = f"{self.version()} {processor()}"
        header = cpp_headers.signature_header(signature)
        texts = [part for source in sources for part in source]
        name = cpp_cache.key(("build 1", target, header, signature.entry_point, str(len(command)), *command, *texts))
        record = cpp_cache.look_up(cache, name)
        if record is not None and record["facts"]["artifact_bytes"] <= _ARTIFACT_BYTES:
            return self._as_build(cache, name, record, 0)
        with cpp_cache.scratch(cache) as folder:
            for file, text in sources:
                (folder / file).write_text(text)
            (folder / cpp_headers.SIGNATURE_HEADER).write_text(header)
            failed = self._compile(folder, cache, candidate, signature, command, sources, target)
            if failed:
                return failed
            facts = self._facts(folder, main)
            record = {
                "build": name,
                "sha256": cpp_cache.sha256(folder / "kernel.so"),
                "command": [self.compiler.rpartition("/")[2], *command],
                "log": _excerpt(folder / "log.txt"),
                "facts": facts,
            }
            cpp_cache.admit(cache, name, folder / "kernel.so", record)
            record = cpp_cache.look_up(cache, name) or record  # another builder may have been first
        return self._as_build(cache, name, record, time.perf_counter_ns() - begin)

    def _compile(
        self,
        folder: Path,
        cache: Path,
        candidate: Candidate,
        signature: Signature,
        command: tuple[str, ...],
        sources: tuple[tuple[str, str], ...],
        target: str,
    ) -> Failed | None:
        """Run compiler, linker and disassembler in one go; the failure if there is one."""
        jail = find_build_jail(self._path)
        before: list[str] = []
        includes = cpp_headers.heavy_includes(sources)
        if includes and self._gcc:
            flags = (*DEFAULT_FLAGS, *(flag for flag in candidate.build_flags if cpp_flags.affects_headers(flag)))
            made = cpp_headers.precompiled(cache, jail, self._path, target, flags, includes, self.timeout_s)
            if made:
                before = ["-include", f"{jail.headers_at(cache / 'headers')}/{made}/pre.h"]
        compile_words = [
            self._path,
            *_QUIET,
            *before,
            "-include",
            cpp_headers.SIGNATURE_HEADER,
            *command,
            "-o",
            "kernel.o",
        ]
        # The C driver links twice as fast, because it need not read libstdc++; the C++ driver when that is needed.
        name = Path(self._path).name.replace("clang++", "clang").replace("g++", "gcc")
        driver = Path(self._path).with_name(name)
        link = [
            "-shared",
            "-fopenmp",
            "kernel.o",
            "-o",
            "kernel.so",
            "-Wl,--no-undefined",
            f"-Wl,--require-defined={signature.entry_point}",
            "-lm",
        ]
        quick = shlex.join([str(driver if driver.exists() else self._path), *link])
        script = (
            f"{shlex.join(compile_words)} || exit 3\n"
            f"{quick} 2>link.txt || {shlex.join([self._path, *link])} || exit 4\n"
            "objdump -d -j .text --no-show-raw-insn kernel.so >code.txt 2>link.txt\nexit 0"
        )
        headers = cache / "headers"
        headers.mkdir(exist_ok=True)
        status = jail.run(script, folder, headers, self.timeout_s)
        log = _excerpt(folder / "log.txt")
        if status == 0 and (folder / "kernel.so").is_file():
            size = (folder / "kernel.so").stat().st_size
            if size <= _ARTIFACT_BYTES:
                return None
            said = f"the library is {size >> 20} MiB large; at most {_ARTIFACT_BYTES >> 20} MiB are kept"
            return Failed("build", "rejected", said, log)
        if status is None:
            return Failed("build", "timeout", f"the compiler did not end within {self.timeout_s:g} s", log)
        if status == 3 and _CONFLICT.search(log) and signature.entry_point in log:
            return Failed("build", "rejected", f"the signature differs from {signature.c_declaration()}", log)
        if status == 4 and signature.entry_point in log and "required" in log:
            return Failed("build", "rejected", f"the library does not define {signature.c_declaration()}", log)
        first = next((line for line in log.splitlines() if "error" in line), "") or log.strip().rpartition("\n")[2]
        what = "the linker" if status == 4 else "the compiler"
        return Failed("build", "compile_error", first.strip()[:400] or f"{what} ended with status {status}", log)

    @property
    def _gcc(self) -> bool:
        return self.version().startswith("g++")

    def _report_flags(self) -> tuple[str, ...]:
        return ("-fopt-info-vec-optimized-missed=vectors.txt",) if self._gcc else ()

    def _facts(self, folder: Path, main: str) -> dict[str, int]:
        facts: dict[str, int] = {"artifact_bytes": (folder / "kernel.so").stat().st_size}
        report, code = folder / "vectors.txt", folder / "code.txt"
        if report.is_file() and report.stat().st_size <= _REPORT_BYTES:
            facts |= cpp_facts.vectorisation(report.read_text(errors="replace"), main)
        if code.is_file() and code.stat().st_size <= _REPORT_BYTES and os.uname().machine == "x86_64":
            facts |= cpp_facts.instruction_mix(code.read_text(errors="replace"))
        return facts

    def _as_build(self, cache: Path, name: str, record: dict[str, object], elapsed_ns: int) -> Build:
        command, facts = record["command"], record["facts"]
        assert isinstance(command, list)
        assert isinstance(facts, dict)
        return Build(
            artifact=str(cache / name / cpp_cache.ARTIFACT),
            sha256=str(record["sha256"]),
            toolchain=self.version(),
            command=tuple(command),
            log=str(record["log"]),
            elapsed_ns=elapsed_ns,
            facts=facts,
        )


def _excerpt(path: Path) -> str:
    """The beginning of a compiler's messages (the first error is the one that matters) and their end."""
    with path.open("rb") as file:
        data = file.read(_LOG_CHARACTERS + 1)
        size = path.stat().st_size
        if size <= _LOG_CHARACTERS:
            return printable(data.decode(errors="replace"))
        file.seek(size - 1000)
        return printable(f"{data[:-1000].decode(errors='replace')}\n…\n{file.read().decode(errors='replace')}")


@functools.cache
def processor() -> str:
    """What ``-march=native`` means here, so that a cache that moves to another machine is not believed there."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return os.uname().machine
    lines = [line for line in text.splitlines() if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return cpp_cache.key(dict.fromkeys(lines))
