"""``warploom ask``: a request for an outside agent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, RunWord, aside, out, print_json
from warploom.search.agents.opening import PATIENCE_SECONDS, open_run
from warploom.values.config import TARGETS, RunConfig

Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", help="How long to wait for another process at work on the run.")
]
Target = Annotated[str, typer.Option(help=f"Language of a new run's kernels: {', '.join(TARGETS)}.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what is being done.")]


def ask(
    run: RunWord,
    problem: Annotated[
        str | None, typer.Option(help="Begin a run of this problem when RUN holds none: a name or a problem file.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Begin it from this source instead of the problem's seed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the new run's choices.")] = 0,
    target: Target = RunConfig.target,
    number: Annotated[
        int | None, typer.Option("--id", metavar="ID", help="Print this open request once more, not a new one.")
    ] = None,
    wait: Wait = PATIENCE_SECONDS,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Print a request: its number and the prompt. Any number may be open; `warploom tell RUN ID FILE` answers one."""
    console = aside()
    said = None if quiet else lambda line: console.print(line, style="dim")
    with open_run(run, problem, start=start, seed=seed, target=target, patience_seconds=wait, progress=said) as opened:
        request = opened.ask(number)
    if json:
        print_json({"run": run, **request.to_object()})
    else:
        head = (
            f"request {request.id} of {run} ({request.operator}); answer it with: warploom tell {run} {request.id} FILE"
        )
        out().file.write(f"{head}\n\n{request.prompt}")
    return 0
