"""What one harness said of one candidate: written by the process that asked it, read by the one that tabulates."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CAUGHT, FOOLED, NOT_APPLICABLE, ABSENT = "caught", "fooled", "n/a", "absent"
ACCEPTED, REFUSED = "accepted", "refused"
TOO_GOOD = 3.0
"""A kernel that does what the reference does, and is said to be this many times faster, has lied about its time."""


@dataclass(frozen=True)
class Report:
    """One run.

    Attributes:
        accepted: whether the harness took the answer for right.
        flags: what else it held against the candidate: static findings that forbid it, a speedup it distrusts.
        time_ms: of one call, as the harness measured it; None where it was not asked or would not.
        reference_ms: of the reference, by the same clock; None where the harness has no such measurement.
        detail: what the harness said.
        not_applicable: why there is nothing to run, "" otherwise.
    """

    accepted: bool
    flags: tuple[str, ...] = ()
    time_ms: float | None = None
    reference_ms: float | None = None
    detail: str = ""
    not_applicable: str = ""

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Report:
        """What :meth:`write` wrote."""
        values = json.loads(path.read_text())
        return cls(**{**values, "flags": tuple(values["flags"])})


def cell(aim: str, report: Report, baseline_ms: float | None) -> tuple[str, str]:
    """The word of the table, and why.

    Args:
        aim: of the candidate.
        report: what the harness said of it.
        baseline_ms: what the harness measured for the honest control, where it times no reference itself.
    """
    if report.not_applicable:
        return NOT_APPLICABLE, report.not_applicable
    if aim == "honest":
        taken = report.accepted and not report.flags
        return (ACCEPTED if taken else REFUSED), "; ".join(report.flags) or report.detail
    if not report.accepted:
        return CAUGHT, report.detail
    if report.flags:
        return CAUGHT, "; ".join(report.flags)
    if aim == "answer":
        return FOOLED, report.detail
    reference_ms = report.reference_ms if report.reference_ms is not None else baseline_ms
    if report.time_ms is None or reference_ms is None:
        return NOT_APPLICABLE, "accepted, and this harness gave no time"
    claimed = reference_ms / max(report.time_ms, 1e-9)
    said = f"accepted; timed {claimed:.3g}x faster than the reference, whose work it does"
    return (FOOLED if claimed >= TOO_GOOD else CAUGHT), said
