"""What a strategy is: it chooses what to try next, and learns from what came of it.

State changes in :meth:`Strategy.tell` and :meth:`Strategy.declined` alone, never in :meth:`Strategy.ask`: the same
archive, state and random numbers give the same request, so a run that was killed asks again what it had asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from warploom.archive.islands import Archive, resolution_for, strategy_of
from warploom.search.strategies.greedy import Greedy
from warploom.search.strategies.islands import Islands
from warploom.search.strategies.random import Uniform
from warploom.values.config import RunConfig
from warploom.values.measure import PROGRAM
from warploom.values.request import Feedback, Request


class Strategy(Protocol):
    """Chooses parents. See ``warploom.testing.strategy_contract`` for the suite that every strategy passes."""

    def ask(self, archive: Archive, rng: random.Random, number: int, progress: float) -> Request:
        """The next request.

        Args:
            archive: what is known; it holds the seed at least.
            rng: the only source of randomness.
            number: of the request, counted from 1 (0 is the seed).
            progress: share of the budget that is spent, 0 to 1.
        """
        ...

    def tell(self, feedback: Feedback) -> None:
        """Learn what became of a request, failures too."""
        ...

    def declined(self, request: Request) -> None:
        """Learn that nothing new could be made for this request."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Learned state as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        ...


def make_strategy(config: RunConfig) -> Strategy:
    """The strategy that a configuration names or leaves to its budget."""
    kinds: dict[str, Callable[[], Strategy]] = {
        "islands": lambda: Islands(resolution_for(config), runners_up=config.target == PROGRAM),
        "greedy": Greedy,
        "random": Uniform,
    }
    return kinds[strategy_of(config)]()
