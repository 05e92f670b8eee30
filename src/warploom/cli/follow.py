"""Go on with a run, show how it goes, and say how it ended: what ``evolve`` and ``resume`` share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from warploom.archive.journal import read
from warploom.cli.console import aside, out, print_json
from warploom.report.progress import Progress
from warploom.report.standing import RunReport
from warploom.report.tally import Tally
from warploom.search.run import Run

Note = Callable[[str], None]
OpenRun = Callable[[Note], Run]


def follow(open_run: OpenRun, folder: Path, *, json: bool, quiet: bool) -> int:
    """Run until a limit is reached or a signal comes.

    Args:
        open_run: opens the run; it is handed what says what is being done.
        folder: the run directory.
        json: print one object at the end, in the place of the summary.
        quiet: no progress on stderr.

    Returns:
        0 when there is a promoted kernel or the run was interrupted and can go on, 1 when it ended without one.
    """
    with ExitStack() as stack:
        progress = None if quiet else stack.enter_context(Progress(aside()))
        run = stack.enter_context(open_run(progress.note if progress else _unsaid))
        if progress:
            take_up(progress, run)
        summary = run.go(progress.observe if progress else None)
    with read(folder) as journal:
        standing = RunReport(journal)
    if json:
        print_json(standing.to_object())
    else:
        out().print(standing.summary())
    return 0 if summary.best or not summary.finished else 1


def take_up(progress: Progress, run: Run) -> None:
    """Tell the view what earlier sittings did: nothing, when the run is new."""
    tally = Tally()
    with read(run.folder) as journal:
        for event in journal.events():
            tally.add(event)
        progress.take_up(tally, journal.elapsed, lambda: run.spending)


def _unsaid(line: str) -> None:
    """Where remarks go when nobody reads them."""
