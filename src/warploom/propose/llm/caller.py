"""One answer: attempts, waits between them, and the account of what they cost."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import anyio

from warploom.errors import BudgetSpent, ModelError
from warploom.propose.llm.answer import Answer
from warploom.propose.llm.client import Client
from warploom.propose.llm.ledger import Account
from warploom.propose.llm.refusal import Refusal
from warploom.propose.llm.retry import Patience
from warploom.values.exchange import Message, Spending, Usage
from warploom.values.model import Model

MESSAGE_TOKENS = 16
TEMPLATE_TOKENS = 256
"""Room for what chat templates put around messages and before the first one."""

MOST_ERRORS = 8
"""Requests in a row that end without an answer after which the server is taken to be gone."""


@dataclass(frozen=True)
class Outcome:
    """What came of a conversation.

    Attributes:
        answer: the last attempt's.
        usage: over all attempts; one whose cost nobody knows counts as its bound.
        cost_usd: likewise; None where the price is unknown.
        attempts: HTTP requests sent.
        seconds: from the first attempt to the last.
    """

    answer: Answer
    usage: Usage
    cost_usd: float | None
    attempts: int
    seconds: float


def most_prompt_tokens(messages: tuple[Message, ...]) -> int:
    """More tokens than any tokenizer makes of a conversation: each covers a byte at least."""
    text = sum(len(message.text.encode()) + MESSAGE_TOKENS for message in messages)
    return text + TEMPLATE_TOKENS


class Caller:
    """Calls a server until it answers, within patience and budget.

    Args:
        client: makes single attempts.
        patience: how long an answer may take.
        concurrent: requests at a time at most.
    """

    def __init__(self, client: Client, patience: Patience, concurrent: int) -> None:
        self._client = client
        self._patience = patience
        self._concurrent = concurrent
        self._limiter: anyio.CapacityLimiter | None = None
        self._jitter = random.Random()
        self._contact = False
        self._answered: set[str] = set()
        self._errors_in_a_row = 0
        self._excess = 0

    async def close(self) -> None:
        """End the connections."""
        await self._client.close()

    async def call(self, model: Model, messages: tuple[Message, ...], account: Account) -> Outcome:
        """The answer to a conversation, and what it cost.

        Raises:
            BudgetSpent: a cap leaves no room for the first attempt.
            ModelError: no request of the run can succeed.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._concurrent)
        async with self._limiter:
            return await self._attempts(model, messages, account)

    async def _attempts(self, model: Model, messages: tuple[Message, ...], account: Account) -> Outcome:
        began = time.monotonic()
        bound = Usage(most_prompt_tokens(messages) + self._excess, model.max_tokens)
        used, usd, attempts = Usage(), 0.0 if model.price else None, 0
        answer = Answer("", "error", "no attempt was made")
        while True:
            try:
                await account.hold(Spending(bound.total, model.price.cost(bound) if model.price else 0.0, 1))
            except BudgetSpent as spent:
                if not attempts:
                    raise
                answer = Answer("", "error", f"{answer.error}; no further attempt: {spent}")
                break
            outcome = await self._client.attempt(model, messages)
            attempts += 1
            this = _usage_of(outcome, bound)
            # A server that counts more than the bound is believed: later bounds have room for it.
            self._excess += max(0, this.total - bound.total)
            cost = _cost_of(outcome, model, this)
            account.charge(Spending(this.total, cost or 0.0, 1))
            used = _plus(used, this)
            usd = None if usd is None and cost is None else (usd or 0.0) + (cost or 0.0)
            if isinstance(outcome, Answer):
                answer = outcome
                self._contact = True
                self._answered.add(model.label)
                break
            answer = Answer("", outcome.finish, outcome.error)
            self._contact = self._contact or not outcome.absent
            if not await self._again(model, outcome, attempts, began):
                break
        self._errors_in_a_row = self._errors_in_a_row + 1 if answer.finish == "error" else 0
        return Outcome(answer, used, usd, attempts, time.monotonic() - began)

    async def _again(self, model: Model, refusal: Refusal, attempts: int, began: float) -> bool:
        """Wait for the next attempt; False when there is to be none.

        Raises:
            ModelError: no request of the run can succeed.
        """
        if refusal.fatal or (refusal.misfit and model.label not in self._answered):
            raise ModelError(refusal.error)
        most = self._patience.attempts if self._contact else self._patience.before_contact
        wait = self._patience.wait_seconds(attempts, refusal.after, self._jitter)
        left = self._patience.total_seconds - (time.monotonic() - began)
        if refusal.again and attempts < most and wait < left:
            await anyio.sleep(wait)
            return True
        if refusal.absent:
            raise ModelError(refusal.error)
        if self._errors_in_a_row + 1 >= MOST_ERRORS:
            raise ModelError(f"{MOST_ERRORS} requests in a row came to nothing, the last one: {refusal.error}")
        return False


def _usage_of(outcome: Answer | Refusal, bound: Usage) -> Usage:
    """What an attempt cost: as the server says, else nothing where it cannot have been charged, else its bound."""
    if isinstance(outcome, Refusal):
        return bound if outcome.charged else Usage()
    return outcome.usage or bound


def _cost_of(outcome: Answer | Refusal, model: Model, usage: Usage) -> float | None:
    if model.price is not None:
        return model.price.cost(usage)
    return outcome.usd if isinstance(outcome, Answer) else None


def _plus(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt + other.prompt,
        one.completion + other.completion,
        one.reasoning + other.reasoning,
        one.cached + other.cached,
    )
