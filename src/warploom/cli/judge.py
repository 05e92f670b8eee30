"""``warploom judge``: one kernel, judged as the search judges a record."""

from __future__ import annotations

import hashlib
import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, ProblemWord, aside, out, print_json
from warploom.errors import ConfigError, SourceError
from warploom.judge.evaluate import LocalJudge
from warploom.judge.gpu import place as gpu
from warploom.judge.places import require_device
from warploom.problems.load import cache_directory, load_problem
from warploom.report.evaluation import evaluation_object, render
from warploom.sandbox.jail import find_jail
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Passed
from warploom.values.problem import Problem
from warploom.values.target import VENDORS


def judge(
    problem: ProblemWord,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The kernel's source: C++, .cl (OpenCL), .cu (CUDA) or .py (Triton).")
    ],
    flag: Annotated[
        list[str] | None,
        typer.Option("--flag", help="A compiler flag, repeatable. [default: those in evidence.json beside FILE]"),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what is being done.")] = False,
) -> int:
    """Build, verify and time one kernel against PyTorch: fresh process, fresh secret inputs, every baseline."""
    language = judged_language(file)
    loaded = load_problem(problem)
    candidate = read_candidate(loaded, file, None if flag is None else tuple(flag), language)
    console = aside()
    if not quiet:  # the title says what was made smaller to be judged here
        console.print(f"{loaded.name}: {loaded.title}", style="dim", markup=False)
    with LocalJudge(
        loaded,
        cache=cache_directory(),
        progress=None if quiet else lambda line: console.print(line, style="dim"),
        language=candidate.language,
    ) as local:
        evaluation = local.evaluate(Job(candidate, loaded.hash, effort="promote"))
    jail, gaps = sandbox_of(candidate.language)
    if json:
        sandbox = {"jail": jail, "gaps": list(gaps)}
        found = {
            "problem": loaded.name,
            "title": loaded.title,
            "candidate": candidate.id,
            **evaluation_object(evaluation),
        }
        print_json({**found, "build_flags": list(candidate.build_flags), "sandbox": sandbox})
    else:
        out().print(render(evaluation))
        if gaps:
            console.print(f"sandbox not protected: {'; '.join(gaps)}", style="yellow", markup=False)
    return 0 if isinstance(evaluation, Passed) else 1


def sandbox_of(language: str) -> tuple[str, tuple[str, ...]]:
    """What kernels of this language run in here, and what that does not protect."""
    if language in VENDORS:
        return gpu.SHUT_IN, gpu.gaps(require_device(language))
    jail = find_jail()
    return jail.name, jail.gaps


def judged_language(file: Path) -> str:
    """The language of a kernel that is to run here, by its file's name; C++ where the name says nothing.

    Raises:
        ConfigError: it is one that runs on a GPU, and none that runs it is here.
    """
    language = next((name for name, suffix in SUFFIXES.items() if suffix == file.suffix), "cpp")
    if language in VENDORS:
        try:
            require_device(language)
        except ConfigError as error:
            raise ConfigError(f"{file.name}: {error}") from None
    return language


def read_candidate(
    problem: Problem, file: Path, flags: tuple[str, ...] | None = None, language: str = "cpp"
) -> Candidate:
    """The file as a candidate of this problem.

    Args:
        problem: what it computes.
        file: its source.
        flags: compiler flags; None takes those that a run recorded beside this very source.
        language: that it is written in.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        data = file.read_bytes()
        text = data.decode()
    except OSError as error:
        raise SourceError(f"kernel file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SourceError(f"kernel file {file} is not UTF-8 text") from None
    chosen = recorded_flags(file, data) if flags is None else flags
    name = f"kernel{SUFFIXES[language]}"
    return Candidate(problem.hash, language, ((name, text),), problem.name, build_flags=chosen)


def recorded_flags(file: Path, data: bytes) -> tuple[str, ...]:
    """The flags in ``evidence.json`` beside a kernel, when it is the evidence of this very source; else none."""
    try:
        evidence = json_text.loads(file.with_name("evidence.json").read_bytes())
        if evidence["sources"][0]["sha256"] != hashlib.sha256(data).hexdigest():
            return ()
        return tuple(str(flag) for flag in evidence["build_flags"])
    except (OSError, ValueError, LookupError, TypeError):
        return ()
