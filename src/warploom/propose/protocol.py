"""What a proposer is."""

from __future__ import annotations

from typing import Any, Protocol

from warploom.values.candidate import Proposal
from warploom.values.request import Feedback, Request


class Proposer(Protocol):
    """Turns a request into a candidate. All randomness comes from ``request.seed``; state changes only in ``tell``."""

    @property
    def name(self) -> str:
        """The name lineages carry: "moves"."""
        ...

    async def propose(self, request: Request) -> Proposal:
        """A new candidate.

        Raises:
            NothingToPropose: nothing new could be made from these parents.
        """
        ...

    def tell(self, feedback: Feedback) -> None:
        """Learn from what became of a proposal of this proposer."""
        ...

    def declined(self, request: Request) -> None:
        """Learn that nothing came of a request. Told in the order of events, as :meth:`tell` is."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Learned state as JSON values, so that resume need not replay the whole journal."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        ...
