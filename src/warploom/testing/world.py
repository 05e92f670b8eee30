"""Synthetic runs in a folder: begun, broken off, gone on with, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from warploom.archive import journal as journals
from warploom.archive.journal import Journal
from warploom.propose.protocol import Proposer
from warploom.search.executor import Executor, LocalExecutor
from warploom.search.proceedings import Observer
from warploom.search.proposers import Resting, make_proposer
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
        self.notes: list[str] = []
        """What runs with a configured proposer had to say."""

    def begin(
        self,
        name: str = "run",
        *,
        executor: Executor | None = None,
        proposer: Any = None,
        configured: str = "",
        every: int = 500,
        **config: Any,
    ) -> Run:
        """A new run; ``configured`` names its own proposer, further arguments are those of ``RunConfig``."""
        chosen: dict[str, Any] = {"evaluations": 60, "proposer": configured or "moves"} | config
        settings = RunConfig("twice", **chosen)
        parts = self._parts(executor, proposer, settings if configured else None)
        return begin(self.root / name, settings, synthetic_problem(), synthetic_candidate(), parts, every)

    def go_on(
        self,
        name: str = "run",
        *,
        executor: Executor | None = None,
        proposer: Any = None,
        configured: bool = False,
        every: int = 500,
    ) -> Run:
        """The run goes on with new objects, as after a kill."""
        journal = journals.reopen(self.root / name)
        config = RunConfig.from_mapping(journal.started.config) if configured else None
        return go_on(journal, synthetic_candidate(), self._parts(executor, proposer, config), every)

    def _parts(self, executor: Executor | None, proposer: Any, config: RunConfig | None) -> Parts:
        made, resting = proposer or SyntheticProposer(0.05), Resting()

        def make(journal: Journal) -> Proposer:
            if config is None:
                return cast(Proposer, made)
            return make_proposer(config, synthetic_problem(), {}, resting, journal, self.notes.append)

        return Parts(executor or LocalExecutor(SyntheticJudge(0.1), 4), make, resting=resting)

    def events(self, name: str = "run") -> list[Event]:
        """What its journal holds."""
        with journals.read(self.root / name) as journal:
            return list(journal.events())


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
