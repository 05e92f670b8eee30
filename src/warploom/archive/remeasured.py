"""The evaluation that a promotion rests on."""

from __future__ import annotations

from warploom.archive.journal import Journal
from warploom.values.outcome import Evaluation


def remeasured(journal: Journal, candidate: str) -> Evaluation | None:
    """What was measured last of a candidate in a promotion; None where it never came so far."""
    return journal.evaluation(candidate, "again") or journal.evaluation(candidate, "promote")
