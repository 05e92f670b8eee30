"""What can be asked in words: a language model, an agent's command, or a record of either.

A :class:`Mind` turns a conversation into an :class:`~warploom.values.exchange.Exchange`. What is done with the answer
(edits, rewrites, repairs) is the writer's business and the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from warploom.values.candidate import Proposal
from warploom.values.exchange import Exchange, Message, Spending
from warploom.values.outcome import Evaluation
from warploom.values.request import Feedback


class Mind(Protocol):
    """Answers conversations. May be asked many times at once."""

    @property
    def name(self) -> str:
        """For people: "gpt-5-mini", "3 models", "command"."""
        ...

    @property
    def spending(self) -> Spending:
        """What it has cost this run so far, over all sittings."""
        ...

    async def ask(self, number: int, turn: int, operator: str, messages: tuple[Message, ...], seed: int) -> Exchange:
        """The answer, recorded already.

        Args:
            number: of the search's request.
            turn: counts the exchanges of that request, from 0.
            operator: what is asked for.
            messages: the conversation.
            seed: of every choice that is made here (which model); the same request gives the same choice.

        Raises:
            BudgetSpent: a cap leaves no room for one more request.
            ModelError: no request can succeed (a wrong key, an unknown model, no server): the run cannot go on.
        """
        ...

    def tell(self, exchange: Exchange, feedback: Feedback | None) -> None:
        """Learn what came of an answer; None when it led to no candidate."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Learned state as JSON values."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        ...


class Recorder(Protocol):
    """Keeps exchanges: the journal of a run, or a list in a test."""

    def record(self, exchange: Exchange) -> None:
        """Make it durable; returns when it is."""
        ...

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """What was recorded for this turn: a run that was killed after it paid does not pay twice."""
        ...


class Knowledge(Protocol):
    """What the run knows and a prompt may tell: look-ups by id, at a cost that does not grow with the run."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the judge says of machine, toolchain, baselines and sandbox."""
        ...

    def evaluation(self, candidate: str) -> Evaluation | None:
        """The outcome of a candidate, whole, and the most thorough there is; None while it is not known."""
        ...

    def proposal(self, candidate: str) -> Proposal | None:
        """A candidate of this run and where it came from; None for an unknown id."""
        ...

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """As :meth:`Recorder.recorded`: what was said for a request, when its outcome is told."""
        ...
