"""Where candidates run: on the processor, or on a GPU. All else of the judge is the same (docs/decisions/0014)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from warploom.judge.machine.calibration import Calibration
from warploom.judge.timing.bench import Setting
from warploom.sandbox.lease import Lease
from warploom.sandbox.runner import Runner
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed


class Gauge(Protocol):
    """Knows what a place can do."""

    def current(self, say: Callable[[str], None] = ...) -> Calibration:
        """The calibration that holds; where there is none, it is taken now. ``say`` is told why."""
        ...

    def raise_peaks(self) -> None:
        """Measure the peaks once more; the higher ones stay. The caller holds the place alone."""
        ...


class Place(Protocol):
    """Builds and starts candidates of one problem."""

    @property
    def setting(self) -> Setting:
        """How calls are made and timed here."""
        ...

    @property
    def hardware(self) -> dict[str, Any]:
        """What it is; ``key`` names the combination."""
        ...

    @property
    def shut_in(self) -> str:
        """The name of what candidates run in."""
        ...

    @property
    def gaps(self) -> tuple[str, ...]:
        """What that does not protect, a phrase each."""
        ...

    @property
    def lease(self) -> Lease:
        """Shared while something is verified here, held alone while something is timed."""
        ...

    @property
    def gauge(self) -> Gauge:
        """Of its calibration."""
        ...

    def toolchain(self) -> str:
        """Compiler and version; ToolchainError where it is absent."""
        ...

    def build(self, candidate: Candidate, cache: Path) -> Build | Failed:
        """Compile a candidate for this place into the content-addressed cache."""
        ...

    def start(self, build: Build, candidate: Candidate) -> Runner:
        """A fresh process that has loaded the artifact, which is hashed again right before.

        Raises:
            Fault: it could not, or the artifact is not the one that was built.
        """
        ...

    def examine(
        self, build: Build, candidate: Candidate, check: Callable[[Runner], object], call: Callable[[Runner], object]
    ) -> dict[str, Any]:
        """What else is found out about a candidate that is to be promoted, for its evidence.

        Args:
            build: of it.
            candidate: itself.
            check: makes checked calls in another process of it.
            call: makes one call on a timed shape in another process of it, whose answer nobody looks at.

        Raises:
            Fault: it shows that the candidate is wrong.
        """
        ...
