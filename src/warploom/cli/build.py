"""``warploom build``: a kernel compiled for GPUs that need not be here, and what can be read off the code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, ProblemWord, aside, out, print_json
from warploom.cli.judge import read_candidate
from warploom.errors import ConfigError
from warploom.judge.correctness.interpreted import Interpreted, check_interpreted
from warploom.problems.load import cache_directory, load_problem
from warploom.report.build import build_object, render_build
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.triton import TritonToolchain
from warploom.values.outcome import Build
from warploom.values.signature import signature
from warploom.values.target import parse_target

SUFFIXES: dict[str, str] = {".cu": "cuda", ".hip": "hip", ".py": "triton"}
"""The end of a file's name → the language that is meant where no target is given."""


def build(
    problem: ProblemWord,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The kernel's source: .cu (CUDA), .hip or .py (Triton).")
    ],
    target: Annotated[
        str,
        typer.Option(
            metavar="LANGUAGE:ARCH[,…]", help="What to compile for, as cuda:sm_90a,sm_80. The first must build."
        ),
    ] = "",
    flag: Annotated[list[str] | None, typer.Option("--flag", help="A compiler flag, repeatable.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Also run it at small shapes in Triton's interpreter, on the CPU.")
    ] = False,
    json: Json = False,
) -> int:
    """Compile a GPU kernel without a GPU: does it build, does it fit, at what occupancy? Nothing is timed.

    Exit code 0 when the first target builds and what was checked is right, 1 when not.
    """
    loaded = load_problem(problem)
    aimed = parse_target(target or _language(file))
    toolchain = GPU_TOOLCHAINS[aimed.language](aimed.architectures)
    if check and not isinstance(toolchain, TritonToolchain):
        raise ConfigError(f"--check runs Triton kernels in Triton's interpreter; there is none for {aimed.language}")
    toolchain.version()
    read = read_candidate(loaded, file, tuple(flag or ()))
    name = f"kernel{next(end for end, language in SUFFIXES.items() if language == aimed.language)}"
    candidate = replace(read, language=aimed.language, sources=((name, read.source),))
    made = toolchain.build(candidate, signature(loaded), cache_directory() / "builds")
    checked: Interpreted | None = None
    if check and isinstance(made, Build) and isinstance(toolchain, TritonToolchain):
        checked = check_interpreted(loaded, candidate, toolchain, cache_directory())
    if json:
        head = {"problem": loaded.name, "candidate": candidate.id, "target": str(aimed)}
        print_json({**head, **build_object(made, aimed, checked), "gaps": list(toolchain.gaps)})
    else:
        out().print(render_build(made, aimed, checked))
        if toolchain.gaps:
            aside().print(f"not protected while compiling: {'; '.join(toolchain.gaps)}", style="yellow", markup=False)
    return 0 if isinstance(made, Build) and (checked is None or checked.right) else 1


def _language(file: Path) -> str:
    if file.suffix == ".cl":
        raise ConfigError(f"{file.name} is OpenCL, which runs on this processor; `warploom judge` builds and times it")
    if file.suffix not in SUFFIXES:
        known = ", ".join(f"{end} ({language})" for end, language in SUFFIXES.items())
        raise ConfigError(f"the language of {file.name} is not known by its name; use {known} or give --target")
    return SUFFIXES[file.suffix]
