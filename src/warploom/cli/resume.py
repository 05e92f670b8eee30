"""``warploom resume``: go on with a run where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, RunWord
from warploom.cli.follow import follow
from warploom.search.run import reopen


def resume(
    run: RunWord,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the summary.")] = False,
) -> int:
    """Go on where a run stopped or was killed. A run that has ended only says how it stands."""
    folder = Path(run)
    return follow(lambda note: reopen(folder, progress=note), folder, json=json, quiet=quiet)
