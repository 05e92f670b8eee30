"""What a run may cost, told before its first request to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from warploom.values.exchange import Message, Usage
from warploom.values.model import Model

BYTES_PER_TOKEN = 3.5
"""Of code and English, about, in the tokenizers of today. For estimates only: caps count every byte as a token."""


@dataclass(frozen=True)
class Estimate:
    """What a run may cost when each evaluation takes one request with a prompt as long as its first.

    Attributes:
        requests: one an evaluation.
        tokens: of the prompts alone, and with answers as long as they may be.
        usd: likewise, with the cheapest and with the dearest model; None where a price is unknown.
        unpriced: names of the models whose price is unknown.
    """

    requests: int
    tokens: tuple[int, int]
    usd: tuple[float, float] | None
    unpriced: tuple[str, ...]

    @classmethod
    def of(cls, messages: tuple[Message, ...], models: Sequence[Model], requests: int) -> Estimate:
        """For so many requests that begin with these messages."""
        prompt = round(sum(len(message.text.encode()) for message in messages) / BYTES_PER_TOKEN)
        longest = max(model.max_tokens for model in models)
        prices = [(model.price, model.max_tokens) for model in models if model.price is not None]
        usd = None
        if len(prices) == len(models):
            least = min(price.cost(Usage(prompt, 0)) for price, _ in prices)
            most = max(price.cost(Usage(prompt, limit)) for price, limit in prices)
            usd = (requests * least, requests * most)
        unpriced = tuple(model.name for model in models if model.price is None)
        return cls(requests, (requests * prompt, requests * (prompt + longest)), usd, unpriced)

    def line(self) -> str:
        """For people."""
        low, high = self.tokens
        said = f"may cost {_count(low)} (prompts alone) to {_count(high)} tokens (the longest answers)"
        if self.usd is not None:
            said += f", ${self.usd[0]:.2f} to ${self.usd[1]:.2f}"
        else:
            said += f"; dollars are not known: no price for {', '.join(self.unpriced)}"
        return f"{self.requests} requests {said}"


def _count(tokens: int) -> str:
    if tokens >= 999_500:
        return f"{tokens / 1e6:.1f} million"
    return f"{round(tokens / 1000)} thousand" if tokens >= 10_000 else str(tokens)
