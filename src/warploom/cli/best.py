"""``warploom best``: the best kernel of a run."""

from __future__ import annotations

from pathlib import Path

from warploom.archive.journal import read
from warploom.cli.console import Json, RunWord, aside, out, print_json, print_source
from warploom.errors import JournalError
from warploom.report.standing import RunReport
from warploom.search.best.folder import kernel_path


def best(run: RunWord, json: Json = False) -> int:
    """Print the best kernel's source to stdout, and what is known of it to stderr."""
    with read(Path(run)) as journal:
        standing = RunReport(journal)
    if not standing.best:
        raise JournalError(f"{standing.folder}: {standing.missing}")
    kernel = kernel_path(standing.folder)
    text = kernel.read_text(encoding="utf-8")
    if json:
        print_json({**standing.to_object(), "source": text})
        return 0
    aside().print(standing.summary())
    print_source(out(), text, str(standing.started.problem.get("language", "cpp")))
    return 0
