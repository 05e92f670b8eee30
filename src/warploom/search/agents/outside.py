"""The run's own proposer with a writer for outside agents beside it: both learn from everything that is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from warploom.propose.protocol import Proposer
from warploom.values.candidate import Proposal
from warploom.values.exchange import Message
from warploom.values.job import Job
from warploom.values.outcome import Evaluation
from warploom.values.request import Feedback, Request

AGENT = "agent"
"""The name of outside agents in lineages and exchanges."""


class Scribe(Proposer, Protocol):
    """Puts requests into words and makes candidates of answers: what the writer does, without asking anyone."""

    def prepare(self, request: Request) -> tuple[str, tuple[Message, ...]]:
        """What is asked for, and the prompt."""
        ...

    def receive(
        self, request: Request, operator: str, answer: str, *, proposer: str = AGENT, prompt: str = ""
    ) -> Proposal:
        """The candidate that an answer makes.

        Raises:
            SourceError: the answer cannot be used; the message is for whoever gave it.
        """
        ...


class NotReady:
    """The executor of a step that judges nothing."""

    async def submit(self, job: Job) -> Evaluation:
        """Not to be called."""
        raise AssertionError("the judge was not made ready")


class WithScribe:
    """A proposer and a scribe as one, for the state of a run.

    A snapshot is the proposer's with one more key, so that a search can go on from it without the scribe.

    Args:
        proposer: the run's own.
        scribe: for outside agents.
    """

    def __init__(self, proposer: Proposer, scribe: Scribe) -> None:
        self._proposer = proposer
        self._scribe = scribe

    @property
    def name(self) -> str:
        """The proposer's."""
        return self._proposer.name

    async def propose(self, request: Request) -> Proposal:
        """As the proposer does."""
        return await self._proposer.propose(request)

    def tell(self, feedback: Feedback) -> None:
        """Both learn."""
        self._proposer.tell(feedback)
        self._scribe.tell(feedback)

    def declined(self, request: Request) -> None:
        """Both learn."""
        self._proposer.declined(request)
        self._scribe.declined(request)

    def snapshot(self) -> dict[str, Any]:
        """Of both."""
        return {**self._proposer.snapshot(), AGENT: self._scribe.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`; takes one of the proposer alone too."""
        own = dict(state)
        scribe = own.pop(AGENT, None)
        self._proposer.restore(own)
        if scribe is not None:
            self._scribe.restore(scribe)
