"""What an executor is handed: everything an evaluator needs, so that it may sit anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from warploom.values.candidate import Candidate

Effort = Literal["screen", "promote"]
"""``screen``: verify and time against eager, stop sampling as soon as the interval is tight enough.
``promote``: fresh process, fresh secret seeds, at least 20 pairs, every baseline."""

Occasion = Literal["screen", "promote", "again"]
"""When a run measured a candidate: ``again`` is a second promotion, where others were at work during the first."""


@dataclass(frozen=True)
class Job:
    """One evaluation to be done.

    Attributes:
        candidate: what to judge.
        problem: :attr:`warploom.values.problem.Problem.hash`, so that an evaluator can refuse the wrong one.
        effort: how much measuring is wanted.
        incumbent: fitness (log speedup over eager) to beat; sampling may stop early when it is out of reach.
        rival: for ``promote``: the best so far, to be timed side by side with this candidate (baseline "incumbent").
            Speedups over eager from different moments differ by what else the machine did then; this one does not.
        again: whether it is a second promotion; a record answers with what was measured then.
    """

    candidate: Candidate
    problem: str
    effort: Effort = "screen"
    incumbent: float | None = None
    rival: Candidate | None = None
    again: bool = False

    @property
    def occasion(self) -> Occasion:
        """When in its run the candidate is measured."""
        return "again" if self.again else self.effort
