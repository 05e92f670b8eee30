"""Which arm pays, a kind of proposer or one model of several: gain per cost."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

DISCOUNT = 0.97
"""What an older outcome still weighs after one more of the same arm: what pays early does not pay late."""

WON, LOST = 1.0, 3.0
"""Every arm starts as if one of four of its proposals had been a gain …"""

GAIN = 0.1
"""… of so much log speedup."""


@dataclass
class Record:
    """What an arm gave and took, older outcomes discounted.

    Attributes:
        wins: proposals that were a gain.
        losses: those that were none.
        gain: sum of the gains, in log speedup.
        cost: sum of the costs.
    """

    wins: float = 0.0
    losses: float = 0.0
    gain: float = 0.0
    cost: float = 0.0


class Arms:
    """Thompson sampling on gain per cost.

    Method: Thompson 1933 on the chance of a gain, times its mean size, over the mean cost of a proposal (the
    density-ordered rule of budgeted bandits, Xia et al. 2015); outcomes are discounted as by Raj and Kalyani 2017.

    Args:
        names: of the arms.
        weights: arm → how many times as many gains are expected of it before anything is known; 1 for the others.
        learning: False makes it choose in proportion to the weights for ever (the study's control).
    """

    def __init__(
        self, names: Sequence[str], weights: Mapping[str, float] | None = None, *, learning: bool = True
    ) -> None:
        self._records = {name: Record() for name in names}
        self._weights = {name: (weights or {}).get(name, 1.0) for name in names}
        self._learning = learning

    def choose(self, names: Sequence[str], rng: random.Random) -> str:
        """One of these arms."""
        if not self._learning:
            return rng.choices(list(names), [self._weights[name] for name in names])[0]
        return max(names, key=lambda name: self._draw(name, rng))

    def learn(self, name: str, gain: float, cost: float) -> None:
        """One more outcome.

        Args:
            name: of the arm.
            gain: in log speedup; 0 for none.
            cost: in the same unit for all arms: seconds, dollars, tokens.
        """
        record = self._records[name]
        record.wins = record.wins * DISCOUNT + (gain > 0)
        record.losses = record.losses * DISCOUNT + (gain <= 0)
        record.gain = record.gain * DISCOUNT + gain
        record.cost = record.cost * DISCOUNT + cost

    def _draw(self, name: str, rng: random.Random) -> float:
        record = self._records[name]
        chance = rng.betavariate(WON * self._weights[name] + record.wins, LOST + record.losses)
        size = (GAIN + record.gain) / (1.0 + record.wins)
        cost = (self._usual_cost() + record.cost) / (1.0 + record.wins + record.losses)
        return chance * size / cost

    def _usual_cost(self) -> float:
        """Mean cost of a proposal over all arms: what an arm that was never tried is believed to cost."""
        records = self._records.values()
        tries = sum(record.wins + record.losses for record in records)
        return (sum(record.cost for record in records) / tries or 1.0) if tries else 1.0

    def snapshot(self) -> dict[str, Any]:
        """What was learned, as JSON values."""
        return {name: list(astuple(record)) for name, record in self._records.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        for name, values in state.items():
            if name in self._records:
                self._records[name] = Record(*values)
