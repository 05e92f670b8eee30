"""What was said for a candidate: the prompt as it was sent, and the answer as it came."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.report.candidate import find_candidate
from warploom.values.plain_text import printable


class ConversationReport:
    """The recorded conversation that a candidate came from.

    Args:
        journal: of the run.
        word: an id, the start of one, or "best".

    Raises:
        JournalError: there is no such candidate, or nobody was asked for it.
    """

    def __init__(self, journal: Journal, word: str) -> None:
        self.id = find_candidate(journal, word)
        lineage = journal.proposal(self.id).lineage
        found = journal.conversations.find(lineage.prompt) if lineage.prompt else None
        if found is None:
            maker = " ".join(part for part in (lineage.proposer, lineage.operator) if part)
            raise JournalError(f"{journal.folder}: candidate {self.id} has no prompt; it was made by: {maker}")
        self.exchange = found
        self.lineage = lineage
        self.turns = len(journal.conversations.of(found.number))

    def to_object(self) -> dict[str, Any]:
        """The conversation as JSON values.

        Returns:
            ``messages`` as they were sent, each with ``role`` and ``text``; ``answer``, ``finish`` and ``model``;
            ``tokens`` and ``cost_usd`` of all ``turns`` together (null where the price is unknown).
        """
        return {
            "candidate": self.id,
            "prompt": self.exchange.id,
            "request": self.exchange.number,
            "operator": self.lineage.operator,
            "model": self.exchange.model,
            "settings": dict(self.exchange.settings),
            "messages": [{"role": message.role, "text": message.text} for message in self.exchange.messages],
            "answer": self.exchange.answer,
            "finish": self.exchange.finish,
            "turns": self.turns,
            "tokens": self.lineage.tokens,
            "cost_usd": None if self.exchange.cost_usd is None else self.lineage.cost_usd,
        }

    def render(self) -> RenderableType:
        """Message after message, then the answer."""
        spent = f"{self.lineage.tokens} tokens in {self.turns} turns"
        if self.exchange.cost_usd is not None:
            spent += f", ${self.lineage.cost_usd:.4f}"
        parts: list[RenderableType] = []
        for message in self.exchange.messages:
            parts += [Text(f"── {message.role}", style="bold"), Text(printable(message.text)), Text()]
        parts += [Text(f"── answer of {printable(self.exchange.model)}", style="bold")]
        parts += [Text(printable(self.exchange.answer)), Text(), Text(spent, style="dim")]
        return Group(*parts)
