"""Builds a kernel with this machine's compiler, once, and loads it.

A library is kept under a key of everything that it depends on: sources, flags, processor, OpenMP runtime, compiler. So
a cache that moves to another machine, or outlives an update of the compiler, is built anew instead of believed.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

CACHE_VARIABLE = "WARPLOOM_KERNEL_CACHE"
HEADER = "warploom_signature.h"
DEADLINE_SECONDS = 300.0


class CannotBuild(Exception):  # noqa: N818 - reads as what happened
    """There is no library and none can be made here; the message says why, in one line."""


def load(folder: Path, variant: dict[str, Any], package: Path) -> Callable[..., None]:
    """The kernel as a C function, built first when it was not yet.

    Args:
        folder: with the variant's sources.
        variant: its entry of the manifest.
        package: where libraries lie that were built ahead of time.

    Raises:
        CannotBuild: see there.
    """
    path = _find(folder, variant, package) or build(folder, variant, cache_folder())
    try:
        kernel = ctypes.CDLL(str(path), mode=os.RTLD_NOW)[variant["entry_point"]]
    except (OSError, AttributeError) as error:
        raise CannotBuild(f"{path} cannot be loaded: {error}") from None
    kernel.restype = None
    kernel.argtypes = [ctypes.c_void_p] * variant["tensors"] + [ctypes.c_int64] * variant["axes"]
    return kernel


def build(folder: Path, variant: dict[str, Any], into: Path) -> Path:
    """Compile and link one variant, and give the library its name at once and whole.

    The object is compiled with the kernel's own flags but linked without them: a library *linked* with ``-ffast-math``
    switches the whole process that loads it to flush denormals.

    Args:
        folder: with the variant's sources.
        variant: its entry of the manifest.
        into: the cache, or the package's own folder.

    Raises:
        CannotBuild: no compiler, or it refused; the message ends with what it said.
    """
    compiler = find_compiler()
    if not compiler:
        raise CannotBuild("there is no C++ compiler (install g++, or name one with CXX), and nothing was built ahead")
    target = into / _key(folder, variant) / f"{_compiler_key(compiler)}.so"
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as name:
            made = _compile(compiler, folder, variant, Path(name))
            made.replace(target)
    except OSError as error:
        raise CannotBuild(f"{error.filename or target}: {error.strerror or error}") from None
    return target


def cache_folder() -> Path:
    """Where libraries are kept: a folder of this user alone.

    Raises:
        CannotBuild: it cannot be made, or others may write to it, who could leave a library of theirs there.
    """
    stated = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(stated) if stated else Path(base) / "warploom-kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except (OSError, RuntimeError) as error:
        raise CannotBuild(f"the cache {folder} cannot be made: {error}; name another with {CACHE_VARIABLE}") from None
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise CannotBuild(f"others may write to the cache {folder}; name another with {CACHE_VARIABLE}")
    return folder


def built_folder(package: Path) -> Path:
    """Where ``python -m PACKAGE build --here`` leaves libraries: inside the package."""
    return package / "built"


@cache
def find_compiler() -> tuple[str, ...]:
    """The words that start the compiler: ``CXX``, or else g++; empty when there is none."""
    words = shlex.split(os.environ.get("CXX", "")) or ["g++"]
    found = shutil.which(words[0])
    return (found, *words[1:]) if found else ()


def openmp_runtime() -> str:
    """The OpenMP library that this process has loaded already, by its path; "" when there is none.

    PyTorch brings its own. A kernel that brought a second one would have a second pool of threads, and the two
    would fight for the same processors, each spinning while the other works.
    """
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return ""
    paths = dict.fromkeys(line[line.index("/") :] for line in lines if "/" in line)
    found = (path for path in paths if re.match(r"lib(gomp|iomp5|omp)\b.*\.so", Path(path).name))
    return next(found, "")


def _find(folder: Path, variant: dict[str, Any], package: Path) -> Path | None:
    """A library for exactly this: one built ahead of time, or any in the cache when there is no compiler."""
    key = _key(folder, variant)
    for path in sorted((built_folder(package) / key).glob("*.so")):
        return path
    if find_compiler():
        return None
    return next(iter(sorted((cache_folder() / key).glob("*.so"))), None)


def _compile(compiler: Sequence[str], folder: Path, variant: dict[str, Any], scratch: Path) -> Path:
    source, header, object_file = folder / variant["sources"][0], folder / HEADER, scratch / "kernel.o"
    library = scratch / "kernel.so"
    words = ["-w", "-include", str(header), *variant["flags"], "-c", str(source), "-o", str(object_file)]
    _call([*compiler, *words])
    link = [*compiler, "-shared", str(object_file), "-o", str(library), "-Wl,--no-undefined"]
    shared = openmp_runtime()
    try:
        _call([*link, shared or "-fopenmp", "-lm"])
    except CannotBuild:
        if not shared:
            raise
        _call([*link, "-fopenmp", "-lm"])
    return library


def _call(words: Sequence[str]) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=DEADLINE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"the compiler {words[0]} did not do its work: {error}") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or [""]
        raise CannotBuild(f"the compiler {words[0]} ended with status {done.returncode}: {said[0].strip()[:300]}")


def _key(folder: Path, variant: dict[str, Any]) -> str:
    """Stands for sources, flags, processor and OpenMP runtime."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in (*variant["sources"], HEADER)]
    return _digest(["1", _processor(), Path(openmp_runtime()).name, *variant["flags"], *texts])


@cache
def _compiler_key(compiler: tuple[str, ...]) -> str:
    try:
        done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"the compiler {compiler[0]} does not run: {error}") from None
    return _digest([*compiler, done.stdout.partition("\n")[0]])


@cache
def _processor() -> str:
    """What ``-march=native`` means here."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    lines = [line for line in text.splitlines() if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return "\n".join(dict.fromkeys(lines))


def _digest(parts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:24]
