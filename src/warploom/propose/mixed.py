"""Mixed search: a model, moves, parameters and crossover under one bandit that follows what each gains for its cost."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from warploom.errors import NothingToPropose
from warploom.propose.arms import Arms
from warploom.propose.mind import Knowledge
from warploom.propose.protocol import Proposer
from warploom.values.candidate import Proposal
from warploom.values.exchange import Exchange
from warploom.values.request import Feedback, Request

MODEL, MOVES, TUNE, CROSSOVER = "model", "moves", "tune", "crossover"

NOISE = 0.02
"""Less than 2 % in log speedup is no gain."""

STEPPING_STONE = 0.25
"""A gain over the parent counts so much of a gain over the best: it is on the way to one."""

DOLLAR_SECONDS = 3600.0
"""A dollar weighs as much as an hour of this machine."""


class Mixed:
    """Answers each request with the writer or with moves, whichever has paid for its cost.

    The choice is made before anything is waited for, from what was told by then: the same seed with the same recorded
    answers gives the same choices, while answers are awaited and moves go on beside them. A cap that a model reaches
    (``BudgetSpent``) ends the run, as it does without moves.

    Args:
        writer: asks a model.
        moves: needs none; it understands the operators "moves", "tune" and "crossover".
        knowledge: what was said, for what it cost.
        crossover: whether two parents may be combined by moves.
        bandit: whether arms are chosen by what they paid so far.
        in_flight: requests at work at a time: so many share the seconds in which a model thinks.
        was_asked: in a replay, whether the model was asked for a request of this number then.
        noise: less than this, in fitness, is no gain.
    """

    def __init__(
        self,
        writer: Proposer,
        moves: Proposer,
        knowledge: Knowledge,
        *,
        crossover: bool = True,
        bandit: bool = True,
        in_flight: int = 1,
        was_asked: Callable[[int], bool] | None = None,
        noise: float = NOISE,
    ) -> None:
        self._writer = writer
        self._moves = moves
        self._knowledge = knowledge
        self._names = (MODEL, MOVES, TUNE, *([CROSSOVER] if crossover else []))
        self._arms = Arms(self._names, learning=bandit)
        self._in_flight = in_flight
        self._was_asked = was_asked
        self._noise = noise

    @property
    def name(self) -> str:
        """The name of the mixture; lineages carry the name of the part that proposed."""
        return "mix"

    async def propose(self, request: Request) -> Proposal:
        """A candidate of the chosen arm; moves stand in for parameters or partners that are not there.

        Raises:
            NothingToPropose: the model's answer was of no use, or moves found nothing new.
            BudgetSpent: a cap leaves no room for one more request to the model.
        """
        arm = self._choose(request)
        if arm == MODEL:
            return await self._writer.propose(request)
        try:
            return await self._moves.propose(replace(request, operator=arm))
        except NothingToPropose:
            if arm == MOVES:
                raise
        return await self._moves.propose(replace(request, operator=MOVES))

    def _choose(self, request: Request) -> str:
        if self._knowledge.recorded(request.number, 0) is not None:
            return MODEL  # asked before a kill: what was paid for is used
        names = [name for name in self._names if name != CROSSOVER or request.inspirations]
        arm = self._arms.choose(names, random.Random(f"arm/{request.seed}"))
        if self._was_asked is None or self._was_asked(request.number) == (arm == MODEL):
            return arm
        if arm != MODEL:
            return MODEL
        names.remove(MODEL)
        return self._arms.choose(names, random.Random(f"other arm/{request.seed}"))

    def tell(self, feedback: Feedback) -> None:
        """Reward the arm that proposed, and let both parts learn."""
        number = feedback.request.number
        lineage = feedback.proposal.lineage
        if number > 0:
            said = self._said(number)
            arm = MODEL if said else {"tune": TUNE, "cross": CROSSOVER}.get(lineage.operator, MOVES)
            if arm in self._names:
                self._arms.learn(arm, gain(feedback, self._noise), feedback.cost_seconds + self._price(said))
        self._writer.tell(feedback)
        self._moves.tell(feedback)

    def declined(self, request: Request) -> None:
        """A model that gave nothing of use was paid all the same."""
        said = self._said(request.number)
        if said:
            self._arms.learn(MODEL, 0.0, self._price(said))
        self._writer.declined(request)
        self._moves.declined(request)

    def _said(self, number: int) -> list[Exchange]:
        """All exchanges of a request; an empty list when no model was asked."""
        said: list[Exchange] = []
        while (exchange := self._knowledge.recorded(number, len(said))) is not None:
            said.append(exchange)
        return said

    def _price(self, said: list[Exchange]) -> float:
        """What exchanges cost, in seconds of this machine."""
        thinking = sum(exchange.seconds for exchange in said) / self._in_flight
        return thinking + DOLLAR_SECONDS * sum(exchange.cost_usd or 0.0 for exchange in said)

    def snapshot(self) -> dict[str, Any]:
        """Learned state of the mixture and its parts, as JSON values."""
        return {"arms": self._arms.snapshot(), "writer": self._writer.snapshot(), "moves": self._moves.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._arms.restore(state["arms"])
        self._writer.restore(state["writer"])
        self._moves.restore(state["moves"])


def gain(feedback: Feedback, noise: float = NOISE) -> float:
    """What a proposal brought, in fitness: over the best so far, and a part of it over its parent."""
    if feedback.fitness is None:
        return 0.0
    over_best = feedback.fitness - feedback.best_before if feedback.best_before is not None else 0.0
    over_parent = feedback.fitness - feedback.parent_fitness if feedback.parent_fitness is not None else 0.0
    return sum(
        share * difference
        for share, difference in ((1.0, over_best), (STEPPING_STONE, over_parent))
        if difference > noise
    )
