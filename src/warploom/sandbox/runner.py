"""What the judge asks of whatever makes a candidate's calls: a jailed process, or a worker beside a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from warploom.sandbox.candidate_process import Call


class Runner(Protocol):
    """Makes calls of one kernel that it has loaded. Failures are :class:`warploom.sandbox.autopsy.WorkerFailed`."""

    @property
    def pid(self) -> int:
        """Number of the process, as this machine counts."""
        ...

    def stage(self, calls: Sequence[Call]) -> None:
        """Get these calls ready; those of before are forgotten."""
        ...

    def run(self, deadline_s: float) -> int:
        """Make all staged calls in order; nanoseconds that count."""
        ...

    def close(self) -> None:
        """End it. May be called again."""
        ...

    def __enter__(self) -> Self:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...


@runtime_checkable
class Interruptible(Runner, Protocol):
    """A runner that holds all calls of a block at once, and can be stopped on the way.

    One that gets each call's inputs when the call before has been collected need not be: there is no order to look at.
    See :mod:`warploom.sandbox.candidate_process`.
    """

    def run_first(self, calls: int, deadline_s: float) -> set[int] | None:
        """Make the first so many of the staged calls; whose inputs were read, None where that is not known."""
        ...

    def run_and_look(
        self, deadline_s: float, until: Callable[[], bool], patience_s: float, look: Callable[[], None]
    ) -> tuple[int, int] | None:
        """Make all staged calls and look on the way."""
        ...
