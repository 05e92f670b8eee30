"""A score by somebody else's evaluator, as a JSON object and as text."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from warploom.archive.journal import Journal
from warploom.errors import ConfigError
from warploom.values.measure import SCORE, measure_of
from warploom.values.plain_text import printable
from warploom.values.score import Score

MOST_LINES = 12
"""Of an artifact, the last."""


def refuse_score(journal: Journal, what: str) -> None:
    """Say so where something tells of speedups alone.

    Args:
        journal: of a run.
        what: is made of it, in words.

    Raises:
        ConfigError: the run's fitness is a score.
    """
    if measure_of(journal.started.config) is SCORE:
        folder = journal.folder
        raise ConfigError(f"{folder} is a run of scores, and {what} tells of speedups: try `warploom show {folder}`")


def score_object(scored: Score) -> dict[str, Any]:
    """The score with everything that was said beside it."""
    return {
        "score": scored.value,
        "by": "evaluator.py",
        "metrics": dict(scored.metrics),
        "stages": list(scored.stages),
        "stopped": scored.stopped,
        "artifacts": dict(scored.artifacts),
    }


def score_lines(scored: Score, *, artifacts: bool = True) -> list[Text]:
    """The score and whose word it is, a line a metric, and the end of what else was said."""
    stages = ", ".join(scored.stages)
    stopped = f"; {printable(scored.stopped)}" if scored.stopped else ""
    lines = [f"score {scored.value:.6g} by evaluator.py ({stages}{stopped})"]
    for name, value in scored.metrics.items():
        shown = str(value).lower() if isinstance(value, bool) else f"{value:.6g}"
        lines.append(f"  {printable(name)}: {shown}")
    for name, text in scored.artifacts.items() if artifacts else ():
        said = [printable(line) for line in text.splitlines()]
        more = f" (the last {MOST_LINES} of {len(said)} lines)" if len(said) > MOST_LINES else ""
        lines.append(f"  {printable(name)}{more}:")
        lines += [f"    {line}" for line in said[-MOST_LINES:]]
    return [Text(line) for line in lines]
