"""One candidate of a run, whole: where it came from, what became of it, its source."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.archive.journal import Journal
from warploom.archive.remeasured import remeasured
from warploom.errors import JournalError
from warploom.report.evaluation import evaluation_object, render
from warploom.search.best.missing import why_missing
from warploom.values.event import NotPromoted, Promoted
from warploom.values.outcome import Evaluation

ID_DIGITS = 16


def find_candidate(journal: Journal, word: str) -> str:
    """The id that a word stands for.

    Args:
        journal: of the run.
        word: an id, the start of one, or "best".

    Raises:
        JournalError: there is none, or more than one.
    """
    if word == "best":
        promoted = None
        for event in journal.events():
            if isinstance(event, Promoted):
                promoted = event
            elif isinstance(event, NotPromoted) and promoted is not None and event.candidate == promoted.candidate:
                promoted = None
        if promoted is None:
            raise JournalError(f"{journal.folder}: {why_missing(journal)}")
        return promoted.candidate
    found = journal.starting_with(word) if word and set(word) <= set("0123456789abcdef") else []
    if word in found or len(found) == 1:
        return word if word in found else found[0]
    if found:
        raise JournalError(f"{word} is the start of several candidates: {', '.join(found)}")
    raise JournalError(
        f"{journal.folder} holds no candidate {word!r}; `warploom show {journal.folder}` lists the elites"
    )


class CandidateReport:
    """What the journal says of one candidate.

    Args:
        journal: of the run.
        word: as in :func:`find_candidate`.
    """

    def __init__(self, journal: Journal, word: str) -> None:
        self.id = find_candidate(journal, word)
        self.proposal = journal.proposal(self.id)
        self.screened: Evaluation | None = journal.evaluation(self.id)
        self.promoted: Evaluation | None = remeasured(journal, self.id)

    @property
    def evaluation(self) -> Evaluation | None:
        """The most thorough one there is."""
        return self.promoted or self.screened

    def to_object(self) -> dict[str, Any]:
        """The candidate as JSON values, its evaluations under ``screened`` and ``promoted`` (null when not done)."""
        candidate, lineage = self.proposal.candidate, self.proposal.lineage
        return {
            "candidate": candidate.id,
            "problem": candidate.problem,
            "language": candidate.language,
            "entry_point": candidate.entry_point,
            "sources": dict(candidate.sources),
            "parameters": dict(candidate.parameters),
            "build_flags": list(candidate.build_flags),
            "lineage": {
                "parents": list(lineage.parents),
                "proposer": lineage.proposer,
                "operator": lineage.operator,
                "root": lineage.root,
                "steps": [str(step) for step in lineage.steps],
                "note": lineage.note,
                "prompt": lineage.prompt,
                "tokens": lineage.tokens,
                "cost_usd": lineage.cost_usd,
            },
            "screened": evaluation_object(self.screened) if self.screened else None,
            "promoted": evaluation_object(self.promoted) if self.promoted else None,
        }

    def render(self) -> RenderableType:
        """Everything but the source, for people."""
        candidate, lineage = self.proposal.candidate, self.proposal.lineage
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row("candidate", Text(self.id, style="bold"))
        grid.add_row("made by", " ".join(word for word in (lineage.proposer, lineage.operator) if word))
        if lineage.note:
            grid.add_row("note", Text(lineage.note))
        if lineage.prompt:
            grid.add_row("prompt", f"{lineage.tokens} tokens, ${lineage.cost_usd:.4f}; shown with --prompt")
        if lineage.parents:
            grid.add_row("parents", " ".join(lineage.parents))
        for number, step in enumerate(lineage.steps):
            grid.add_row("" if number else "steps", Text(str(step)))
        if candidate.parameters:
            grid.add_row("parameters", " ".join(f"{name}={value}" for name, value in candidate.parameters))
        if candidate.build_flags:
            grid.add_row("flags", Text(" ".join(candidate.build_flags)))
        parts: list[RenderableType] = [grid]
        for title, evaluation in (("screened", self.screened), ("measured again, to be promoted", self.promoted)):
            if evaluation is not None:
                parts += [Text(), Text(title, style="dim"), render(evaluation)]
        if self.evaluation is None:
            parts += [Text(), Text("not judged yet", style="yellow")]
        return Group(*parts)
