"""Caps on tokens, dollars and requests that are never exceeded.

Each attempt reserves the most that it can cost before it goes out, and settles to what it did cost once that is
known. A request that does not fit waits while others may still give back what they do not use; when nothing is
outstanding and it does not fit, the budget is spent. The journal keeps the reservations too, so that a kill in the
middle of a request does not lift the cap (see :mod:`warploom.archive.conversations`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import anyio

from warploom.errors import BudgetSpent
from warploom.propose.mind import Recorder
from warploom.values.exchange import Exchange, Spending


class Book(Recorder, Protocol):
    """What the ledger writes down: the journal of a run, or a stand-in. It also keeps reservations."""

    @property
    def spending(self) -> Spending:
        """What is recorded."""
        ...

    def reserve(self, most: Spending) -> int:
        """Note what an exchange may cost so far, before its request goes out; returns the reservation's number."""
        ...

    def release(self, reservation: int) -> None:
        """It cost nothing, or is reserved anew."""
        ...

    def record(self, exchange: Exchange, reservation: int | None = None) -> None:
        """Make an exchange durable in the place of its reservation."""
        ...


@dataclass(frozen=True)
class Caps:
    """What a run may spend at most; None for no cap."""

    tokens: int | None = None
    usd: float | None = None
    requests: int | None = None

    def refuses(self, spent: Spending, most: Spending) -> str:
        """Why so much more may not be spent, "" when it may."""
        low = "" if spent.requests else " (raise the cap, or lower max_tokens of --model)"
        if self.tokens is not None and spent.tokens + most.tokens > self.tokens:
            more = f"{spent.tokens} are spent, one more request may take {most.tokens}"
            return f"the cap of {self.tokens} tokens is reached: {more}{low}"
        if self.usd is not None and spent.usd + most.usd > self.usd:
            more = f"${spent.usd:.4f} are spent, one more request may take ${most.usd:.4f}"
            return f"the cap of ${self.usd:g} is reached: {more}{low}"
        if self.requests is not None and spent.requests + most.requests > self.requests:
            return f"the cap of {self.requests} requests is reached"
        return ""


class Ledger:
    """All that is spent, and all that may yet be.

    Args:
        caps: never exceeded by what is spent and what is held together.
        book: keeps exchanges and reservations.
    """

    def __init__(self, caps: Caps, book: Book) -> None:
        self._caps = caps
        self._book = book
        self._accounts: list[Account] = []
        self._waiting: list[anyio.Event] = []

    @property
    def spending(self) -> Spending:
        """What is recorded, and what unfinished exchanges were charged."""
        return Spending.sum([self._book.spending, *(account.charged for account in self._accounts)])

    def open(self) -> Account:
        """An account for one exchange."""
        account = Account(self, self._book)
        self._accounts.append(account)
        return account

    async def wait_for_room(self, most: Spending) -> None:
        """Return when so much can be held.

        Raises:
            BudgetSpent: it does not fit, and nobody is left who might give something back.
        """
        while True:
            held = Spending.sum([self.spending, *(account.held for account in self._accounts)])
            refused = self._caps.refuses(held, most)
            if not refused:
                return
            if not any(account.held != Spending() for account in self._accounts):
                raise BudgetSpent(refused)
            event = anyio.Event()
            self._waiting.append(event)
            await event.wait()

    def settled(self, account: Account, *, closed: bool) -> None:
        """Something was given back: those who wait look again."""
        if closed:
            self._accounts.remove(account)
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            event.set()


class Account:
    """What one exchange may cost: :meth:`hold` before each attempt, :meth:`charge` after it, :meth:`record` at the end.

    Args:
        ledger: whose it is.
        book: keeps the reservation.
    """

    def __init__(self, ledger: Ledger, book: Book) -> None:
        self._ledger = ledger
        self._book = book
        self._reservation: int | None = None
        self.charged = Spending()
        self.held = Spending()

    async def hold(self, most: Spending) -> None:
        """Reserve what the next attempt may cost.

        Raises:
            BudgetSpent: a cap leaves no room for it.
        """
        await self._ledger.wait_for_room(most)
        self.held = most
        self._note(Spending.sum([self.charged, most]))

    def charge(self, spent: Spending) -> None:
        """The attempt is over and cost so much."""
        self.charged, self.held = Spending.sum([self.charged, spent]), Spending()
        self._ledger.settled(self, closed=False)

    def record(self, exchange: Exchange) -> None:
        """The exchange is over: it stands in the book now."""
        self._book.record(exchange, self._reservation)
        self._ledger.settled(self, closed=True)

    def leave(self) -> None:
        """There will be no exchange: what was held may have been charged, and stays in the book as spent."""
        spent = Spending.sum([self.charged, self.held])
        if spent == Spending():
            if self._reservation is not None:
                self._book.release(self._reservation)
            self._ledger.settled(self, closed=True)
            return
        self._note(spent)
        self.charge(self.held)

    def _note(self, most: Spending) -> None:
        before, self._reservation = self._reservation, self._book.reserve(most)
        if before is not None:
            self._book.release(before)
