"""What came of an outside agent's answer, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from warploom.report.evaluation import TITLES
from warploom.report.score import score_lines
from warploom.search.agents.reply import DRAFT, Reply
from warploom.values.speedup import ratio

STATUSES: dict[str, str] = {
    DRAFT: "passed, as a draft: nothing of it entered the run",
    "new": "passed, and is the first of its kind in the archive",
    "improved": "passed, and is the fastest of its kind in the archive",
    "not_added": "passed, but is no faster than what the archive holds of its kind",
}

SCORED: dict[str, str] = {
    DRAFT: "scored, as a draft: nothing of it entered the run",
    "new": "scored, and is the first of its kind in the archive",
    "improved": "scored, and is the best of its kind in the archive",
    "not_added": "scored, but is no better than what the archive holds of its kind",
}
"""The same of programs."""


def render(reply: Reply) -> RenderableType:
    """Status, figures or failure, and what to do next."""
    name = f"candidate {reply.candidate}" if reply.request < 0 else f"request {reply.request}, {reply.candidate}"
    again = " (told before)" if reply.again else ""
    if not reply.passed:
        lines = [Text(f"{name}: failed at {reply.stage}: {reply.kind}{again}", "red"), Text(reply.message)]
        lines += [Text(reply.log, "dim")] if reply.log else []
    else:
        statuses = STATUSES if reply.score is None else SCORED
        lines = [Text(f"{name}: {statuses[reply.status]}{again}", "green")]
        lines += [Text(f"  {value} over {TITLES.get(which, which)}") for which, value in reply.speedup.items()]
        for shape, value in reply.workloads.items():
            own, eager = reply.call_ms.get(shape, (0.0, 0.0))
            times = f": {own:.3g} ms, PyTorch {eager:.3g} ms" if own else ""
            lines.append(Text(f"  {value} over PyTorch eager on {shape}{times}", "dim"))
    if reply.score is not None:
        lines += score_lines(reply.score)
    if reply.parent_score is not None:
        lines.append(Text(f"  its parent has a score of {reply.parent_score:.6g}"))
    if reply.parent_speedup is not None:
        lines.append(Text(f"  its parent reached {ratio(reply.parent_speedup)}× over PyTorch eager"))
    if reply.verdict:
        lines.append(Text(f"  {reply.verdict}"))
    if reply.best_speedup is not None and not reply.promoted:
        lines.append(
            Text(f"  the best of the run reached {ratio(reply.best_speedup)}× over PyTorch eager when it was measured")
        )
    if reply.best_score is not None and not reply.promoted:
        lines.append(Text(f"  the best of the run has a score of {reply.best_score:.6g}"))
    return Group(*lines, Text(f"next: {reply.advice}"))
