"""What a judge is, so that a recorded one can stand in for the real one."""

from __future__ import annotations

from typing import Protocol

from warploom.values.job import Job
from warploom.values.outcome import Evaluation


class Judge(Protocol):
    """Builds, verifies and times. Safe to call from several threads: timing takes the device's lease."""

    def evaluate(self, job: Job) -> Evaluation:
        """Judge one candidate. Never raises for what a candidate does; that is a ``Failed``."""
        ...

    def close(self) -> None:
        """End every process this judge started."""
        ...
