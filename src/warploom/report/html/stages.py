"""Where the time went: what building, loading, verifying and timing took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from warploom.archive.journal import Journal
from warploom.report.html.history import Judged, Trial
from warploom.values.job import Occasion
from warploom.values.outcome import STAGES

Item = TypeVar("Item")

MOST_LOOKED_AT = 300
"""Evaluations that are decoded at most, evenly spaced over the run; their sums are scaled up."""


@dataclass(frozen=True)
class Stages:
    """Seconds by stage.

    Attributes:
        screened: what judging each candidate once took.
        again: what measuring again, to promote, took.
        rest: what is left of the run: the search, waiting for models, the machine's own work.
        looked_at: evaluations that were read.
        judged: of so many.
    """

    screened: dict[str, float]
    again: dict[str, float]
    rest: float
    looked_at: int
    judged: int

    @property
    def total(self) -> float:
        """Everything, in seconds."""
        return sum(self.screened.values()) + sum(self.again.values()) + self.rest


def stages(journal: Journal, judged: Sequence[Judged], trials: Sequence[Trial], seconds: float) -> Stages:
    """Read the times of evaluations evenly spaced over the run.

    Args:
        journal: of the run.
        judged: all candidates.
        trials: all that were measured again.
        seconds: that the run was at work.
    """
    shown = spaced(judged, MOST_LOOKED_AT)
    screened: Counter[str] = Counter()
    for one in shown:
        evaluation = journal.evaluation(one.candidate)
        screened.update(evaluation.elapsed_ns if evaluation else {})
    again: Counter[str] = Counter()
    tried = spaced(_measured(trials), MOST_LOOKED_AT)
    for candidate, occasion in tried:
        evaluation = journal.evaluation(candidate, occasion)
        again.update(evaluation.elapsed_ns if evaluation else {})
    first = _seconds(screened, len(judged) / max(1, len(shown)))
    second = _seconds(again, len(trials) / max(1, len(tried)))
    rest = max(0.0, seconds - sum(first.values()) - sum(second.values()))
    return Stages(first, second, rest, len(shown), len(judged))


def _measured(trials: Sequence[Trial]) -> list[tuple[str, Occasion]]:
    """Whom each trial measured, and whether once more."""
    found: Counter[str] = Counter()
    measured: list[tuple[str, Occasion]] = []
    for trial in trials:
        found[trial.event.candidate] += 1
        measured.append((trial.event.candidate, "again" if found[trial.event.candidate] > 1 else "promote"))
    return measured


def spaced(values: Sequence[Item], most: int) -> Sequence[Item]:
    """At most so many of them, evenly spaced, the first and the last included."""
    count = len(values)
    if count <= most:
        return values
    return [values[round(index * (count - 1) / (most - 1))] for index in range(most)]


def _seconds(found: Counter[str], factor: float) -> dict[str, float]:
    order = [*(stage for stage in STAGES if stage in found), *sorted(set(found) - set(STAGES))]
    return {stage: found[stage] * factor / 1e9 for stage in order}
