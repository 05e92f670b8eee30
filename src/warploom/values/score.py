"""What somebody else's evaluator says of a program: theirs, not measured by the judge, and no speedup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Score:
    """A score, higher is better.

    Attributes:
        value: the evaluator's ``combined_score``, or the mean of its numbers where it gives none.
        metrics: everything that it gave and that is a number or a truth value.
        artifacts: what it said beside the numbers: name → text, shortened.
        stages: that were run: "evaluate", or "stage1", "stage2", …
        stopped: why a later stage was not run or did not end; "" when all were.
    """

    value: float
    metrics: Mapping[str, float | bool] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    stopped: str = ""
