"""The recorded answers of another run, at no cost: of models as a mind, of outside agents as a proposer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from warploom.errors import BudgetSpent, NothingToPropose
from warploom.propose.mind import Knowledge, Recorder
from warploom.propose.protocol import Proposer
from warploom.values.candidate import Proposal
from warploom.values.exchange import Exchange, Message, Spending
from warploom.values.request import Feedback, Request


class Answers(Protocol):
    """Recorded answers."""

    @property
    def source(self) -> str:
        """Where they are, for messages."""
        ...

    @property
    def last(self) -> int:
        """Number of the last request that was answered."""
        ...

    def of(self, number: int) -> tuple[Exchange, ...]:
        """What models answered to a request, turn by turn."""
        ...

    def proposal(self, number: int) -> Proposal | None:
        """What an outside agent proposed for a request."""
        ...


class RecordedMind:
    """Gives the recorded answer for the same request and turn, whatever it is asked now.

    Exchanges are recorded in this run with the seconds and dollars they once took, so that a search learns from them
    what it learned then, and with no attempts: nothing was sent, and nothing counts as spent.

    Args:
        answers: of another run.
        recorder: of this run.
    """

    spending = Spending()

    def __init__(self, answers: Answers, recorder: Recorder) -> None:
        self._answers = answers
        self._recorder = recorder

    @property
    def name(self) -> str:
        """Where the answers come from."""
        return f"record {self._answers.source}"

    async def ask(self, number: int, turn: int, operator: str, messages: tuple[Message, ...], seed: int) -> Exchange:
        """The recorded answer.

        Raises:
            NothingToPropose: there is none for this request and turn.
        """
        before = self._recorder.recorded(number, turn)
        if before is not None:
            return before
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

    def restore(self, state: dict[str, Any]) -> None:
        """There is no state."""


class Replayed:
    """A run as far as its record goes: what agents proposed comes from there, the rest from the run's own proposer.

    Args:
        answers: of another run.
        proposer: of this run; its mind, if it has one, answers from the same record.
        knowledge: what this run knows.
    """

    def __init__(self, answers: Answers, proposer: Proposer, knowledge: Knowledge) -> None:
        self._answers = answers
        self._proposer = proposer
        self._knowledge = knowledge

    @property
    def name(self) -> str:
        """The run's own proposer's."""
        return self._proposer.name

    async def propose(self, request: Request) -> Proposal:
        """What was proposed then, or what the proposer makes of what was answered then.

        Raises:
            BudgetSpent: the record ends before this request.
            NothingToPropose: nothing came of it.
        """
        if request.number > self._answers.last:
            raise BudgetSpent(f"the record {self._answers.source} ends with request {self._answers.last}")
        known = self._answers.proposal(request.number)
        if known is None:
            return await self._proposer.propose(request)
        # In this run other parents may have been asked about, and the prompt is not recorded here.
        parents = tuple(one for one in known.lineage.parents if self._knowledge.proposal(one) is not None)
        return replace(known, lineage=replace(known.lineage, parents=parents, prompt=""))

    def tell(self, feedback: Feedback) -> None:
        """The proposer learns from everything."""
        self._proposer.tell(feedback)

    def declined(self, request: Request) -> None:
        """The proposer learns from everything."""
        self._proposer.declined(request)

    def snapshot(self) -> dict[str, Any]:
        """The proposer's state."""
        return self._proposer.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._proposer.restore(dict(state))
