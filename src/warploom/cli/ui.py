"""``warploom ui``: runs in a browser while they go."""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from warploom.archive import journal as journals
from warploom.cli.console import Json, aside, out, print_json
from warploom.errors import ToolchainError
from warploom.report.score import refuse_score
from warploom.report.ui.watch import find_runs
from warploom.values.measure import SPEEDUP, measure_of


def ui(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN…", help="Directories of runs, or a folder that holds some.")
    ],
    port: Annotated[int, typer.Option(help="Port to listen on, on this machine alone; 0 takes a free one.")] = 0,
    json: Json = False,
) -> int:
    """Watch runs in a browser: how the speed grows, every candidate, and controls. Ctrl-C ends it; the runs go on.

    With --json the first line is an object with the address; nothing else is printed.
    """
    serve = _served()
    found = find_runs(runs)
    folders = [folder for folder in found if _is_of_speedups(folder, alone=len(found) == 1)]
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with serve.Dashboard(folders, port) as dashboard:
        if json:
            known = {"address": dashboard.address, "origin": dashboard.origin, "token": dashboard.token}
            print_json({**known, "runs": [str(folder) for folder in folders]})
        else:
            out().print(dashboard.address, soft_wrap=True, markup=False)
            many = "1 run" if len(folders) == 1 else f"{len(folders)} runs"
            aside().print(f"{many}; Ctrl-C ends the dashboard, the runs go on", style="dim")
        over.wait()
    return 0


def _is_of_speedups(folder: Path, *, alone: bool) -> bool:
    """Whether a run can be shown; what is damaged is said now. Among others one of scores is left out, and named.

    Raises:
        ConfigError: it is of scores, and there is no other.
    """
    with journals.read(folder) as journal:
        if measure_of(journal.started.config) is SPEEDUP:
            return True
        if alone:
            refuse_score(journal, "the dashboard")
    aside().print(f"{folder} is a run of scores, and left out", style="dim", markup=False, soft_wrap=True)
    return False


def _served() -> Any:
    """The server.

    Raises:
        ToolchainError: the packages for it are absent.
    """
    try:
        return import_module("warploom.report.ui.serve")
    except ImportError as error:
        raise ToolchainError(f"the dashboard needs {error.name}; install it: pip install 'warploom[ui]'") from None
