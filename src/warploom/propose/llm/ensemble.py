"""Several models that answer as one :class:`~warploom.propose.mind.Mind`.

Which one is asked follows what its answers gained for what they cost: in dollars where all of them are priced, else in
tokens.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from warploom.propose.arms import Arms
from warploom.propose.llm.caller import Caller
from warploom.propose.llm.ledger import Book, Caps, Ledger
from warploom.values.exchange import Exchange, Message, Spending
from warploom.values.model import Model
from warploom.values.request import Feedback

GAIN = 0.02
"""Log speedup over the parent below which an improvement is noise."""


class Ensemble:
    """Models on one server.

    Args:
        models: at least one.
        caller: calls the server.
        caps: what the run may spend.
        book: keeps exchanges and reservations.
        learning: whether models that pay are asked more often.
        foresee: told the first conversation of a run before it is sent; says what the run may cost.
    """

    def __init__(
        self,
        models: Sequence[Model],
        caller: Caller,
        caps: Caps,
        book: Book,
        *,
        learning: bool = True,
        foresee: Callable[[tuple[Message, ...]], None] = lambda messages: None,
    ) -> None:
        self._models = {model.label: model for model in models}
        self._caller = caller
        self._book = book
        self._ledger = Ledger(caps, book)
        self._arms = Arms(
            tuple(self._models), {label: one.weight for label, one in self._models.items()}, learning=learning
        )
        self._priced = all(model.price is not None for model in models)
        self._foresee = foresee
        self._foreseen = book.spending != Spending()

    @property
    def name(self) -> str:
        """The model's name, or how many there are."""
        return next(iter(self._models)) if len(self._models) == 1 else f"{len(self._models)} models"

    @property
    def spending(self) -> Spending:
        """What the run has cost so far."""
        return self._ledger.spending

    async def ask(self, number: int, turn: int, operator: str, messages: tuple[Message, ...], seed: int) -> Exchange:
        """The answer, recorded already; what was recorded before is not paid for again.

        Raises:
            BudgetSpent: a cap leaves no room for one more request.
            ModelError: no request can succeed.
        """
        known = self._book.recorded(number, turn)
        if known is not None:
            return known
        model = self._model(number, turn, seed)
        if not self._foreseen:
            self._foreseen = True
            self._foresee(messages)
        account = self._ledger.open()
        try:
            outcome = await self._caller.call(model, messages, account)
        except BaseException:
            account.leave()
            raise
        exchange = Exchange(
            number=number,
            turn=turn,
            operator=operator,
            model=model.label,
            messages=messages,
            answer=outcome.answer.text,
            finish=outcome.answer.finish,
            error=outcome.answer.error,
            settings=model.settings,
            usage=outcome.usage,
            cost_usd=outcome.cost_usd,
            attempts=outcome.attempts,
            seconds=outcome.seconds,
            logprob=outcome.answer.logprob,
        )
        account.record(exchange)
        return exchange

    def _model(self, number: int, turn: int, seed: int) -> Model:
        """The bandit's choice; later turns of a request go to the model that answered the first."""
        if turn > 0:
            first = self._book.recorded(number, 0)
            if first is not None and first.model in self._models:
                return self._models[first.model]
        return self._models[self._arms.choose(tuple(self._models), random.Random(f"model/{seed}"))]

    def tell(self, exchange: Exchange, feedback: Feedback | None) -> None:
        """Credit the model with what its answer improved over the parent, and with what it cost."""
        if exchange.model not in self._models:
            return
        gain = 0.0
        if feedback is not None and feedback.fitness is not None and feedback.parent_fitness is not None:
            gain = feedback.fitness - feedback.parent_fitness
        cost = (exchange.cost_usd or 0.0) if self._priced else float(exchange.usage.total)
        self._arms.learn(exchange.model, gain if gain > GAIN else 0.0, cost)

    def snapshot(self) -> dict[str, Any]:
        """What was learned about the models."""
        return {"arms": self._arms.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._arms.restore(state.get("arms", {}))
