"""What ``warploom doctor`` finds."""

from __future__ import annotations

from dataclasses import dataclass

OK, WEAKER, MISSING = "ok", "weaker", "missing"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: "ok", "weaker" (the main job runs, but less well) or "missing" (it cannot run).
        detail: what was found.
        mend: the line that gets what is missing, "" when nothing is.
    """

    name: str
    state: str
    detail: str
    mend: str = ""
