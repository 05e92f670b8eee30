"""Which operators and moves pay: Thompson sampling over discounted success counts.

Method: Thompson 1933, with the discounting of Raj and Kalyani 2017 because what pays early (threads, vectors)
does not pay late (there is nothing left to vectorise).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

DISCOUNT = 0.97


class Bandit:
    """Chooses among named arms; every arm starts from its prior (successes, failures).

    Args:
        priors: arm → (successes, failures) it starts from; others start from (1, 3).
        learning: False makes it choose in proportion to the priors' means for ever (the study's control).
    """

    def __init__(self, priors: Mapping[str, tuple[float, float]] | None = None, *, learning: bool = True) -> None:
        self._priors = dict(priors or {})
        self._counts: dict[str, list[float]] = {}
        self._learning = learning

    def choose(self, arms: Sequence[str], rng: random.Random) -> str:
        """One of ``arms``."""
        if not self._learning:
            return rng.choices(list(arms), [self._mean(arm) for arm in arms])[0]
        return max(arms, key=lambda arm: rng.betavariate(*self._belief(arm)))

    def learn(self, arm: str, *, success: bool) -> None:
        """One more outcome of this arm; older ones fade."""
        if not self._learning:
            return
        counts = self._counts.setdefault(arm, [0.0, 0.0])
        counts[:] = [counts[0] * DISCOUNT, counts[1] * DISCOUNT]
        counts[0 if success else 1] += 1.0

    def _belief(self, arm: str) -> tuple[float, float]:
        wins, losses = self._priors.get(arm, (1.0, 3.0))
        more = self._counts.get(arm, (0.0, 0.0))
        return wins + more[0], losses + more[1]

    def _mean(self, arm: str) -> float:
        wins, losses = self._priors.get(arm, (1.0, 3.0))
        return wins / (wins + losses)

    def snapshot(self) -> dict[str, Any]:
        """What was learned, as JSON values."""
        return {arm: list(counts) for arm, counts in self._counts.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._counts = {arm: [float(value) for value in counts] for arm, counts in state.items()}
