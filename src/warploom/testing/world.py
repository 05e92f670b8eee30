"""Synthetic runs in a folder: begun, broken off, gone on with, read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from warploom.archive import journal as journals
from warploom.archive.journal import Journal
from warploom.propose.protocol import Proposer
from warploom.search.executor import Executor, LocalExecutor
from warploom.search.proceedings import Observer
from warploom.search.sitting import Parts, Run, begin, go_on
from warploom.search.state import State
from warploom.testing.synthetic import SyntheticJudge, SyntheticProposer, synthetic_candidate, synthetic_problem
from warploom.values.config import RunConfig
from warploom.values.event import Event


class World:
    """Starts, resumes and reads synthetic runs.

    Args:
        root: folder that gets a run directory each.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(
        self,
        name: str = "run",
        *,
        executor: Executor | None = None,
        proposer: Any = None,
        make: Callable[[Journal], Proposer] | None = None,
        every: int = 500,
        **config: Any,
    ) -> Run:
        """A new run; ``make`` gives a proposer that needs the journal, further arguments are those of ``RunConfig``."""
        settings = RunConfig("twice", **({"evaluations": 60} | config))
        parts = _parts(executor, proposer, make)
        return begin(self.root / name, settings, synthetic_problem(), synthetic_candidate(), parts, every)

    def go_on(
        self,
        name: str = "run",
        *,
        executor: Executor | None = None,
        proposer: Any = None,
        make: Callable[[Journal], Proposer] | None = None,
        every: int = 500,
    ) -> Run:
        """The run goes on with new objects, as after a kill."""
        parts = _parts(executor, proposer, make)
        return go_on(journals.reopen(self.root / name), synthetic_candidate(), parts, every)

    def events(self, name: str = "run") -> list[Event]:
        """What its journal holds."""
        with journals.read(self.root / name) as journal:
            return list(journal.events())


def _parts(executor: Executor | None, proposer: Any, make: Callable[[Journal], Proposer] | None) -> Parts:
    made = proposer or SyntheticProposer(0.05)
    return Parts(executor or LocalExecutor(SyntheticJudge(0.1), 4), make or (lambda journal: made))


class Killed(Exception):  # noqa: N818 - stands for the end of the process
    """Stands for a kill in the middle of things."""


def kill_after(count: int) -> Observer:
    """An observer that breaks the run off after so many events."""
    left = [count]

    def observe(event: Event, state: State) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise Killed(repr(event))

    return observe
