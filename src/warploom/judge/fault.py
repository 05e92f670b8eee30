"""A candidate's fault, on its way from where it was found to the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from warploom.values.outcome import Check


class Fault(Exception):  # noqa: N818 - reads as what happened
    """A candidate did not pass.

    Attributes:
        stage: one of :data:`warploom.values.outcome.STAGES`.
        kind: one of :data:`warploom.values.outcome.FAILURE_KINDS`.
        message: one line with the evidence.
        log_tail: what its process printed.
        checks: those made so far.
    """

    def __init__(self, stage: str, kind: str, message: str, log_tail: str = "", checks: Sequence[Check] = ()) -> None:
        super().__init__(f"{stage}: {kind}: {message}")
        self.stage, self.kind, self.message, self.log_tail = stage, kind, message, log_tail
        self.checks = tuple(checks)


class RivalFailed(Exception):  # noqa: N818 - as above
    """The process of the best so far failed while a candidate was timed beside it."""
