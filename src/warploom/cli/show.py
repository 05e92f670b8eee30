"""``warploom show``: what a run found, or one candidate, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.archive.journal import read
from warploom.cli.console import Json, RunWord, out, print_json, print_source
from warploom.errors import ConfigError
from warploom.report.candidate import CandidateReport
from warploom.report.conversation import ConversationReport
from warploom.report.standing import RunReport


def show(
    run: RunWord,
    candidate: Annotated[
        str, typer.Argument(metavar="[ID]", help="A candidate: its id, the start of it, or `best`.")
    ] = "",
    prompt: Annotated[
        bool, typer.Option("--prompt", help="What a model was told for this candidate, and what it answered.")
    ] = False,
    json: Json = False,
) -> int:
    """Say what a run found: counts, failures by kind, the best, the elites. With an ID: that candidate, whole."""
    if prompt and not candidate:
        raise ConfigError("--prompt needs a candidate: warploom show RUN ID --prompt")
    with read(Path(run)) as journal:
        if prompt:
            said = ConversationReport(journal, candidate)
            if json:
                print_json(said.to_object())
            else:
                out().print(said.render(), soft_wrap=True)
            return 0
        if not candidate:
            standing = RunReport(journal)
            if json:
                print_json(standing.to_object())
            else:
                out().print(standing.overview())
            return 0
        found = CandidateReport(journal, candidate)
    if json:
        print_json(found.to_object())
        return 0
    console = out()
    console.print(found.render())
    for name, text in found.proposal.candidate.sources:
        console.print(f"\n{name}", style="bold")
        print_source(console, text, found.proposal.candidate.language)
    return 0
