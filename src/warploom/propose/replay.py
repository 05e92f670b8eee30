"""A mind that remembers: the recorded answers of another run, at no cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from warploom.errors import BudgetSpent, NothingToPropose
from warploom.propose.mind import Recorder
from warploom.values.exchange import Exchange, Message, Spending
from warploom.values.request import Feedback


class Answers(Protocol):
    """Recorded answers."""

    @property
    def source(self) -> str:
        """Where they are, for messages."""
        ...

    @property
    def last(self) -> int:
        """Number of the last request that was answered; −1 when none was."""
        ...

    def of(self, number: int) -> tuple[Exchange, ...]:
        """The answers to a request, turn by turn; prompts that nobody answered are not among them."""
        ...


class RecordedMind:
    """Gives the recorded answer for the same request and turn, whatever it is asked now.

    Exchanges are recorded in this run with the seconds and dollars they once took, so that a search learns from them
    what it learned then, and with no attempts: nothing was sent, and nothing counts as spent.

    Args:
        answers: of another run.
        recorder: of this run.
    """

    def __init__(self, answers: Answers, recorder: Recorder) -> None:
        self._answers = answers
        self._recorder = recorder

    @property
    def name(self) -> str:
        """Where the answers come from."""
        return f"record {self._answers.source}"

    @property
    def spending(self) -> Spending:
        """Nothing."""
        return Spending()

    async def ask(self, number: int, turn: int, operator: str, messages: tuple[Message, ...], seed: int) -> Exchange:
        """The recorded answer.

        Raises:
            NothingToPropose: there is none for this request and turn.
            BudgetSpent: there is none for this request nor for any later one: the record is used up.
        """
        before = self._recorder.recorded(number, turn)
        if before is not None:
            return before
        if number > self._answers.last:
            raise BudgetSpent(
                f"the answers of {self._answers.source} are used up: the last is for request {self._answers.last}"
            )
        said = self._answers.of(number)
        if turn >= len(said):
            what = f"turn {turn} of request {number}" if said else f"request {number}"
            raise NothingToPropose(f"{self._answers.source} holds no answer for {what}")
        exchange = replace(said[turn], number=number, turn=turn, operator=operator, messages=messages, attempts=0)
        self._recorder.record(exchange)
        return exchange

    def tell(self, exchange: Exchange, feedback: Feedback | None) -> None:
        """A record learns nothing."""

    def snapshot(self) -> dict[str, Any]:
        """There is no state."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """There is no state."""
