"""``warploom doctor``: what this machine has, what is missing, and the line that gets it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from warploom import __version__
from warploom.cli.console import Json, out, print_json
from warploom.cli.doctor_models import examine_models
from warploom.cli.finding import MISSING, OK, WEAKER, Finding
from warploom.errors import ConfigError, ToolchainError
from warploom.judge.machine.busy import BUSY_SHARE, busy_share
from warploom.judge.machine.calibration import recall
from warploom.judge.machine.hardware import hardware
from warploom.problems.load import cache_directory
from warploom.report.calibration import headline
from warploom.sandbox.gpu_device import find_devices
from warploom.sandbox.jail import find_jail
from warploom.toolchain.cpp import CppToolchain
from warploom.toolchain.find import GPU_TOOLCHAINS, find_toolchain
from warploom.values.keys import without_keys

STYLES = {OK: ("✓", "green"), WEAKER: ("!", "yellow"), MISSING: ("✗", "bold red")}

WATCH_SECONDS = 0.3
LEAST_FREE_GIB = 1.0

GPU_PROGRAMS = {
    "compute-sanitizer": "looks for accesses out of bounds in kernels that are promoted",
    "ncu": "says what holds a promoted kernel back, in evidence and prompts",
}
"""NVIDIA's programs that judging on a GPU uses where they are."""

OPENMP_PROGRAM = "#include <omp.h>\nint main() { return omp_get_max_threads() < 1; }\n"


def doctor(
    llm: Annotated[bool, typer.Option("--llm", help="Also send one cheap request to each language model.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,…]", help="With --llm: a model, as for `evolve`; may be given several times."),
    ] = None,
    base_url: Annotated[str, typer.Option(metavar="URL", help="With --llm: the server of the models.")] = "",
    json: Json = False,
) -> int:
    """Say what this machine has for Warploom. Exit code 0 when kernels can be evolved here, 1 when not."""
    if (model or base_url) and not llm:
        raise ConfigError("--model and --base-url go with --llm")
    findings = examine()
    if llm:
        findings += examine_models(model or (), base_url)
    able = all(finding.state != MISSING for finding in findings)
    if json:
        print_json({"able": able, "findings": [asdict(finding) for finding in findings]})
        return 0 if able else 1
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        sign, style = STYLES[finding.state]
        table.add_row(Text(sign, style=style), Text(finding.name, style="bold"), Text(finding.detail))
        if finding.mend:
            table.add_row("", "", Text(f"→ {finding.mend}", style=style))
    console = out()
    console.print(table)
    verdict = "Kernels can be evolved here." if able else "Kernels cannot be evolved here yet: see the lines marked ✗."
    console.print(Text(f"\n{verdict}", style="bold green" if able else "bold red"))
    return 0 if able else 1


def examine() -> list[Finding]:
    """Look at everything, in the order in which a run needs it."""
    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        _versions,
        _compilers,
        _openmp,
        _opencl,
        _gpu_compilers,
        _gpus,
        _torch,
        _sandbox,
        _cores,
        _cache,
        _calibration,
    )
    return [finding for check in checks for finding in check()]


def _versions() -> Iterable[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("warploom", OK, f"{__version__} on Python {python}")


def _compilers() -> Iterable[Finding]:
    try:
        toolchain = CppToolchain("g++")
        yield Finding("compiler", OK, toolchain.version())
        if toolchain.gaps:
            yield Finding("build", WEAKER, f"not protected while compiling: {'; '.join(toolchain.gaps)}")
    except ToolchainError as error:
        yield Finding("compiler", MISSING, str(error), "apt-get install g++")
    try:
        yield Finding("clang++", OK, f"{CppToolchain('clang++').version()} (optional)")
    except ToolchainError:
        yield Finding("clang++", OK, "absent (optional)")


def _opencl() -> Iterable[Finding]:
    try:
        yield Finding("opencl", OK, f"{find_toolchain('opencl').version()} (optional; kernels run on this processor)")
    except ToolchainError as error:
        yield Finding("opencl", OK, f"absent (optional): {error}")


def _gpu_compilers() -> Iterable[Finding]:
    for language in GPU_TOOLCHAINS:
        try:
            yield Finding(language, OK, f"{find_toolchain(language).version()} (optional; builds need no GPU)")
        except ToolchainError as error:
            yield Finding(language, OK, f"absent (optional): {error}")


def _gpus() -> Iterable[Finding]:
    devices = find_devices()
    for device in devices:
        architecture = device.architecture
        known = architecture.name if architecture else "of a capability that Warploom does not know"
        yield Finding("gpu", OK, f"{device.name}, {known}, {device.driver_version} (optional; judges kernels)")
    if not devices:
        yield Finding("gpu", OK, "absent (optional): none that NVIDIA's driver can use; builds need none")
    for program, what in GPU_PROGRAMS.items():
        path = shutil.which(program)
        missing = f"absent (optional): {what}; part of NVIDIA's CUDA toolkit"
        yield Finding(program, OK, f"{path} (optional; {what})" if path else missing)


def _openmp() -> Iterable[Finding]:
    if shutil.which("g++") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "openmp"
        command = ["g++", "-fopenmp", "-x", "c++", "-", "-o", str(program)]
        clean = without_keys(os.environ)
        built = subprocess.run(
            command, input=OPENMP_PROGRAM, capture_output=True, text=True, timeout=60, check=False, env=clean
        )
        if built.returncode == 0 and subprocess.run([program], timeout=20, check=False, env=clean).returncode == 0:
            yield Finding("OpenMP", OK, "programs build and run")
        else:
            said = (built.stderr.strip().splitlines() or ["the program does not run"])[-1]
            yield Finding("OpenMP", MISSING, said, "apt-get install libgomp1 g++")


def _torch() -> Iterable[Finding]:
    try:
        found = version("torch")
    except PackageNotFoundError:
        mend = "scripts/setup, or: pip install torch"
        yield Finding("PyTorch", MISSING, "absent: references are written in it", mend)
        return
    yield Finding("PyTorch", OK, found)
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        detail = "Python.h is missing, so torch.compile cannot build: that baseline will be absent"
        yield Finding("torch.compile", WEAKER, detail, "apt-get install python3-dev")


def _sandbox() -> Iterable[Finding]:
    jail = find_jail()
    if not jail.gaps:
        yield Finding("sandbox", OK, jail.name)
        return
    mend = "" if shutil.which("bwrap") else "apt-get install bubblewrap"
    yield Finding("sandbox", WEAKER, f"{jail.name}; not protected: {'; '.join(jail.gaps)}", mend)


def _cores() -> Iterable[Finding]:
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", OK, str(cores))
    busy = busy_share(WATCH_SECONDS)
    if busy is None:
        return
    if busy > BUSY_SHARE:
        detail = f"{busy:.0%} busy with other work: intervals will be wide"
        yield Finding("load", WEAKER, detail, "wait, or stop what else is running")
    else:
        yield Finding("load", OK, f"{busy:.0%} busy with other work")


def _calibration() -> Iterable[Finding]:
    toolchain = find_toolchain("cpp")
    try:
        kept, reason = recall(cache_directory(), hardware()["key"], toolchain.version())
    except ToolchainError:
        return
    if kept is None:
        yield Finding("calibration", OK, f"{reason}; the next run takes one")
    elif reason:
        yield Finding("calibration", WEAKER, f"stale, the next run renews it: {reason}", "warploom calibrate")
    else:
        yield Finding("calibration", OK, headline(kept))


def _cache() -> Iterable[Finding]:
    folder = cache_directory()
    if folder.parent == Path(tempfile.gettempdir()):  # made because nothing better can be written
        folder.rmdir()
        detail = "neither $XDG_CACHE_HOME nor ~/.cache can be written: nothing is remembered between runs"
        yield Finding("cache", WEAKER, detail, "set XDG_CACHE_HOME to a directory that can be written")
        return
    free = shutil.disk_usage(folder).free / 2**30
    enough = free >= LEAST_FREE_GIB
    yield Finding("cache", OK if enough else WEAKER, f"{folder}, {free:.0f} GiB free", "" if enough else "free some")
