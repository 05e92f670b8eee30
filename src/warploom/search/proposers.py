"""Which proposer a run has: the configuration's word → the object that answers the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from warploom.archive.journal import Journal
from warploom.propose.protocol import Proposer
from warploom.propose.without_model import WithoutModel
from warploom.values.candidate import Proposal
from warploom.values.config import RunConfig
from warploom.values.exchange import Exchange
from warploom.values.outcome import Evaluation
from warploom.values.problem import Problem

Resting = list[Callable[[], Awaitable[None]]]
"""What is to be called when a sitting ends, while its event loop still runs."""


def make_proposer(
    config: RunConfig, problem: Problem, environment: Mapping[str, Any], resting: Resting, journal: Journal
) -> Proposer:
    """The proposer that a configuration names.

    Args:
        config: names it and its settings.
        problem: what the candidates compute.
        environment: what the judge says of itself and the machine.
        resting: whatever must be closed at the end of a sitting is added to it.
        journal: of the run, open for writing.

    Raises:
        InputError: the proposer cannot be used as it is configured.
    """
    return WithoutModel(problem, crossover=config.crossover, bandit=config.bandit)


class JournalKnowledge:
    """What a run knows, looked up in its journal: a :class:`~warploom.propose.mind.Knowledge`.

    Args:
        journal: of the run.
        environment: what the judge says of itself and the machine.
    """

    def __init__(self, journal: Journal, environment: Mapping[str, Any]) -> None:
        self._journal = journal
        self.environment = environment

    def evaluation(self, candidate: str) -> Evaluation | None:
        """The re-measurement of a candidate where there is one, else its screening."""
        return self._journal.evaluation(candidate, "promote") or self._journal.evaluation(candidate)

    def proposal(self, candidate: str) -> Proposal | None:
        """A candidate of this run; None for an unknown id."""
        return self._journal.proposal(candidate) if self._journal.known(candidate) else None

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """What was said in this turn of a request."""
        return self._journal.conversations.recorded(number, turn)
