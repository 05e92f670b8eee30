"""Whether an evaluation counts: the judge must have minted it, for this very job."""

from __future__ import annotations

from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed


def refusal(job: Job, evaluation: Evaluation) -> str:
    """Why an evaluation does not count for a job; "" when it does. What is unknown never counts.

    A failure has no score that anybody could gain from, and needs no mint.
    """
    if isinstance(evaluation, Failed):
        return ""
    mint = evaluation.mint
    if mint is None:
        return "no judge minted it, so that it is not known what was measured"
    hashes = (
        ("candidate", job.candidate.id, mint.candidate),
        ("problem", job.problem, mint.problem),
        ("artifact", evaluation.build.sha256, mint.artifact),
    )
    for name, wanted, found in hashes:
        if not found or found != wanted:
            return f"it was minted for {name} {found or 'unknown'}, and {name} {wanted or 'unknown'} is meant"
    for name, found in (("baseline", mint.baseline), ("judge", mint.judge)):
        if not found:
            return f"its {name} is unknown"
    return ""


def counted(job: Job, evaluation: Evaluation) -> Evaluation:
    """The evaluation, or the failure that it is when it does not count."""
    reason = refusal(job, evaluation)
    return Failed("judge", "rejected", f"the evaluation does not count: {reason}") if reason else evaluation
