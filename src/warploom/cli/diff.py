"""``warploom diff``: what changed from a candidate's parent, or from the seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.archive.journal import Journal, read
from warploom.cli.console import Json, RunWord, out, print_json
from warploom.errors import JournalError
from warploom.report.candidate import find_candidate
from warploom.report.source_diff import counted, highlighted, unified
from warploom.values.event import Proposed


def diff(
    run: RunWord,
    candidate: Annotated[
        str, typer.Argument(metavar="[ID]", help="A candidate: its id, the start of it, or `best`.")
    ] = "best",
    seed: Annotated[bool, typer.Option("--seed", help="Compare with the source the run started from.")] = False,
    json: Json = False,
) -> int:
    """Show what changed from a candidate's parent, or from the seed, as a unified diff."""
    with read(Path(run)) as journal:
        own = journal.proposal(find_candidate(journal, candidate))
        if seed:
            other = seed_of(journal)
        elif own.lineage.parents:
            other = own.lineage.parents[0]
        else:
            raise JournalError(f"candidate {own.candidate.id} has no parent: the run started from it")
        before = journal.proposal(other).candidate
    lines = unified(before.source, own.candidate.source, before.id, own.candidate.id)
    added, removed = counted(lines)
    if json:
        print_json(
            {
                "from": before.id,
                "to": own.candidate.id,
                "added": added,
                "removed": removed,
                "diff": "".join(f"{line}\n" for line in lines),
                "flags": {"from": list(before.build_flags), "to": list(own.candidate.build_flags)},
                "parameters": {"from": dict(before.parameters), "to": dict(own.candidate.parameters)},
            }
        )
        return 0
    console = out()
    console.print(highlighted(lines) if lines else "the sources are the same", soft_wrap=True)
    for title, old, new in (
        ("flags", before.build_flags, own.candidate.build_flags),
        ("parameters", before.parameters, own.candidate.parameters),
    ):
        if old != new:
            console.print(f"{title}: {_words(old)} → {_words(new)}", style="bold", markup=False)
    return 0


def seed_of(journal: Journal) -> str:
    """Id of the candidate that the run started from.

    Raises:
        JournalError: the run was stopped before it had proposed anything.
    """
    for event in journal.events():
        if isinstance(event, Proposed):
            return event.candidate
    raise JournalError(f"{journal.folder} has no candidate yet")


def _words(values: tuple[object, ...]) -> str:
    shown = [f"{value[0]}={value[1]}" if isinstance(value, tuple) else str(value) for value in values]
    return " ".join(shown) or "none"
