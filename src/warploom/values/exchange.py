"""What was said to a language model, and what came back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from warploom.values.candidate import Scalar

FINISHES: tuple[str, ...] = (
    "stop",  # a whole answer
    "length",  # cut off at the limit on the answer's tokens
    "refusal",  # the model would not
    "empty",  # an answer without text
    "malformed",  # what came back is no answer of the protocol
    "context",  # the prompt is too long for the model
    "error",  # no answer at all, after all retries; ``Exchange.error`` says why
    "open",  # handed to an outside agent; what it answers, now or never, follows as further turns
)


@dataclass(frozen=True)
class Message:
    """One message of a conversation; ``role`` is "system", "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True)
class Usage:
    """Tokens of one exchange as the server counted them; ``reasoning`` and ``cached`` are parts of the other two."""

    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    cached: int = 0

    @property
    def total(self) -> int:
        """What counts against a cap on tokens."""
        return self.prompt + self.completion


@dataclass(frozen=True)
class Exchange:
    """One prompt and its answer: recorded before anything is made of it, so that a run can be replayed.

    Attributes:
        number: of the search's request.
        turn: counts the exchanges of that request, from 0: repairs and second tries follow the first.
        operator: what the model was asked to do: "improve", "repair", …
        model: its name; "agent" or the name of a command where no model was called directly.
        messages: the whole conversation that was sent.
        settings: temperature, effort, limit on tokens, …
        answer: the text that came back.
        finish: one of :data:`FINISHES`.
        error: why there was no answer, "" when there was one. Never holds a key.
        usage: tokens, over all attempts.
        cost_usd: dollars, over all attempts; None where the price is unknown.
        attempts: HTTP requests that were sent for it, or commands that were run; 0 for a recorded or an agent's answer.
        seconds: from the first attempt to the answer.
        logprob: mean log-probability of the answer's tokens; None where the server gave none.
    """

    number: int
    turn: int
    operator: str
    model: str
    messages: tuple[Message, ...]
    answer: str
    finish: str = "stop"
    error: str = ""
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    usage: Usage = Usage()
    cost_usd: float | None = None
    attempts: int = 1
    seconds: float = 0.0
    logprob: float | None = None

    @property
    def id(self) -> str:
        """Sixteen hex digits of request, turn and conversation: what lineages call ``prompt``."""
        digest = hashlib.sha256(f"{self.number}/{self.turn}/{self.model}".encode())
        for message in self.messages:
            for text in (message.role, message.text):
                data = text.encode()
                digest.update(len(data).to_bytes(8, "little"))
                digest.update(data)
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Spending:
    """What models have cost a run so far.

    Attributes:
        tokens: prompt and completion, failed attempts included.
        usd: dollars, of the exchanges whose price is known.
        requests: HTTP requests sent.
        unpriced: exchanges whose price is unknown.
    """

    tokens: int = 0
    usd: float = 0.0
    requests: int = 0
    unpriced: int = 0

    def plus(self, exchange: Exchange) -> Spending:
        """With one more exchange; one for which nothing was sent (a recorded answer, an agent's) costs nothing."""
        if exchange.attempts == 0:
            return self
        return Spending(
            self.tokens + exchange.usage.total,
            self.usd + (exchange.cost_usd or 0.0),
            self.requests + exchange.attempts,
            self.unpriced + (exchange.cost_usd is None),
        )

    @classmethod
    def sum(cls, parts: Iterable[Spending]) -> Spending:
        """All of them."""
        columns = zip(*((one.tokens, one.usd, one.requests, one.unpriced) for one in parts), strict=True)
        return cls(*map(sum, columns))

    def to_mapping(self) -> dict[str, Any]:
        """JSON values."""
        return {"tokens": self.tokens, "usd": self.usd, "requests": self.requests, "unpriced": self.unpriced}
