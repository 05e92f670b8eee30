"""One candidate, whole, for its panel: where it came from, what became of it, source, changes, samples, prompt."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from warploom.report.candidate import CandidateReport
from warploom.report.evaluation import cautions
from warploom.report.html.side_by_side import coloured
from warploom.report.source_diff import counted, unified
from warploom.report.ui.followed import Followed
from warploom.report.ui.listing import row
from warploom.report.ui.samples import samples
from warploom.search.best.evidence import resolved_sources
from warploom.values.candidate import Proposal
from warploom.values.event import Promoted
from warploom.values.outcome import Evaluation, Passed

MOST_CHILDREN = 100
MOST_LINES = 4000
"""Lines of a source that are shown, and coloured."""


def candidate(run: Followed, word: str, width: int) -> dict[str, Any]:
    """Everything but the conversation.

    Args:
        run: which run.
        word: an id, the start of one, or "best".
        width: of figures, in pixels.

    Returns:
        What :meth:`.CandidateReport.to_object` gives, with ``row`` (None while it is not told), ``trials`` (what came
        of measuring it again), ``children``, ``lines`` (the source as it was built, coloured), ``diff`` from the first
        parent with ``came`` and ``went``, ``cautions`` and ``samples`` (figures).

    Raises:
        JournalError: there is no such candidate.
    """
    report = CandidateReport(run.journal, word)
    history, lineage = run.history, report.proposal.lineage
    judged = history.by_id.get(report.id)
    trials = [trial for trial in history.trials if trial.event.candidate == report.id]
    parent = lineage.parents[0] if lineage.parents else ""
    before = _source(run.journal.proposal(parent)) if parent and run.journal.known(parent) else ""
    after = _source(report.proposal)
    changes = unified(before, after, parent[:8], report.id[:8]) if before else []
    came, went = counted(changes)
    evaluations = [one for one in (report.promoted, report.screened) if one is not None]
    return {
        **report.to_object(),
        "row": row(judged) if judged else None,
        "trials": [
            {
                "held": isinstance(trial.event, Promoted),
                "speed": None if trial.event.fitness is None else math.exp(trial.event.fitness),
                "reason": "" if isinstance(trial.event, Promoted) else trial.event.reason,
            }
            for trial in trials
        ],
        "children": [one.candidate for one in history.judged if one.parent == report.id][:MOST_CHILDREN],
        "lines": Markup("\n").join(coloured(after.splitlines()[:MOST_LINES])),
        "cut": max(0, len(after.splitlines()) - MOST_LINES),
        "diff": changes[2 : 2 + MOST_LINES],
        "came": came,
        "went": went,
        "cautions": _cautions(evaluations[:1]),
        "samples": [drawing.markup() for one in evaluations for drawing in samples(one, width)],
    }


def conversation(run: Followed, word: str) -> dict[str, Any]:
    """All that was said for a candidate, turn by turn; ``turns`` is empty where nobody was asked.

    Raises:
        JournalError: there is no such candidate.
    """
    report = CandidateReport(run.journal, word)
    said = run.journal.conversations
    exchange = said.find(report.proposal.lineage.prompt) if report.proposal.lineage.prompt else None
    turns = said.of(exchange.number) if exchange else ()
    return {
        "candidate": report.id,
        "turns": [
            {
                "operator": one.operator,
                "model": one.model,
                "finish": one.finish,
                "error": one.error,
                "tokens": one.usage.total,
                "cost_usd": one.cost_usd,
                "seconds": one.seconds,
                "messages": [{"role": part.role, "text": part.text} for part in one.messages],
                "answer": one.answer,
            }
            for one in turns
        ],
    }


def _source(proposal: Proposal) -> str:
    parts = resolved_sources(proposal.candidate)
    return parts[0][1] if len(parts) == 1 else "\n".join(f"// {name}\n{text}" for name, text in parts)


def _cautions(evaluations: Iterable[Evaluation]) -> list[str]:
    return [said.plain for one in evaluations if isinstance(one, Passed) for said in cautions(one.environment)]
