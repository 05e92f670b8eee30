"""``warploom seed``: a first kernel for any problem."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import OTHER_OR_FORCE, Json, ProblemWord, aside, out, print_json, print_source
from warploom.errors import ConfigError
from warploom.problems.load import load_problem
from warploom.problems.lowering.lower import TARGETS, lower


def seed(
    problem: ProblemWord,
    target: Annotated[str, typer.Option("--target", help="The language to write.")] = "cpp",
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write it. [default: standard output]", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> int:
    """Write a problem's reference as plain C++ loops, to begin a search with.

    Correct and slow: a start for rewrites, the tuner and models, not a fast kernel.
    """
    if target not in TARGETS:
        raise ConfigError(f"--target {target}: known: {', '.join(TARGETS)}")
    if to is not None and to.exists() and not force:
        raise ConfigError(f"--out {to}: there is such a file; {OTHER_OR_FORCE}")
    loaded = load_problem(problem)
    source = lower(loaded)
    if to is not None:
        to.write_text(source, encoding="utf-8")
    if json:
        said = {"problem": loaded.name, "hash": loaded.hash, "target": target}
        print_json({**said, **({"file": str(to)} if to else {"source": source})})
    elif to is None:
        print_source(out(), source)
    else:
        console = aside()
        console.print(f"{to}: {loaded.name} as plain loops", markup=False, soft_wrap=True)
        console.print(f"evolve it: warploom evolve {problem} --start {to}", style="dim", markup=False, soft_wrap=True)
    return 0
