"""Caps hold: whatever happens, in whatever order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from warploom.archive import journal as journals
from warploom.errors import BudgetSpent, ModelError
from warploom.propose.llm.access import Access
from warploom.propose.llm.answer import Answer
from warploom.propose.llm.caller import Caller, most_prompt_tokens
from warploom.propose.llm.client import Client
from warploom.propose.llm.ensemble import Ensemble
from warploom.propose.llm.ledger import Book, Caps, Ledger
from warploom.propose.llm.refusal import Refusal
from warploom.propose.llm.retry import Patience
from warploom.testing.chat_server import Call, ChatServer, React, Reaction
from warploom.testing.shelf import Shelf
from warploom.values.event import RunStarted
from warploom.values.exchange import Exchange, Message, Spending, Usage
from warploom.values.model import Model, Price, parse_model

IN_FLIGHT = 16
NO_WAIT = Patience(attempts=4, attempt_seconds=30.0, first_wait_seconds=0.0005, longest_wait_seconds=0.001)
STARTED = RunStarted({"problem": "twice"}, {"name": "twice"}, {}, "0")


class MoodyClient(Client):
    """Answers, refuses and breaks off by chance, and counts what a server would charge."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(lambda: Access("http://127.0.0.1:9/v1", "none"))
        self._rng = rng
        self.tokens = 0
        self.usd = 0.0
        self.requests = 0

    async def attempt(self, model: Model, messages: tuple[Message, ...]) -> Answer | Refusal:
        self.requests += 1
        draw = self._rng.random()
        await anyio.sleep(0)
        if draw < 0.2:
            return Refusal("busy", again=True)
        worst = sum(len(message.text.encode()) for message in messages)
        usage = Usage(self._rng.randint(1, worst), self._rng.randint(0, model.max_tokens))
        self.tokens += usage.total
        self.usd += model.price.cost(usage) if model.price else 0.0
        for _ in range(self._rng.randrange(4)):
            await anyio.sleep(0)
        if draw < 0.3:
            return Refusal("broke off", again=True, charged=True)
        return Answer("yes", "stop", usage=None if draw < 0.4 else usage)


async def fill(mind: Ensemble, rng: random.Random, requests: int) -> int:
    """Ask in sixteen tasks until the budget is spent; returns how many answers came."""
    numbers, answers = iter(range(requests)), 0

    async def work() -> None:
        nonlocal answers
        for number in numbers:
            text = "x" * rng.randint(1, 3000)
            try:
                await mind.ask(number, 0, "improve", (Message("user", text),), number)
            except (BudgetSpent, ModelError):  # of so many moody answers, eight in a row may come to nothing
                return
            answers += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.start_soon(work)
    return answers


def random_caps(rng: random.Random) -> Caps:
    return Caps(
        tokens=rng.randint(500, 120_000) if rng.random() < 0.6 else None,
        usd=rng.uniform(0.001, 0.3) if rng.random() < 0.6 else None,
        requests=rng.randint(1, 60) if rng.random() < 0.4 else None,
    )


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_no_cap_is_exceeded_in_two_hundred_random_runs(first: int) -> None:
    reached = answered = 0
    for seed in range(first, first + 50):
        rng = random.Random(seed)
        caps, shelf = random_caps(rng), Shelf()
        models = [Model(f"m{index}", max_tokens=rng.randint(1, 4000), price=price(rng)) for index in range(2)]
        client = MoodyClient(rng)
        mind = Ensemble(models, Caller(client, NO_WAIT, IN_FLIGHT), caps, shelf)
        answers = anyio.run(fill, mind, rng, 80)
        assert caps.tokens is None or client.tokens <= shelf.spending.tokens <= caps.tokens
        assert caps.usd is None or client.usd <= shelf.spending.usd + 1e-12 <= caps.usd + 2e-12
        assert caps.requests is None or client.requests <= caps.requests
        assert shelf.spending.requests == client.requests
        assert not shelf.reservations
        reached += answers < 80
        answered += answers
    assert reached > 20
    assert answered > 200


def price(rng: random.Random) -> Price | None:
    return parse_model(f"m,price={rng.uniform(0.1, 3)}/{rng.uniform(1, 30)}").price


def moods(rng: random.Random) -> React:
    def react(call: Call) -> Reaction:
        charged = Reaction(prompt_tokens=rng.randint(1, 200), completion_tokens=rng.randint(0, call.max_tokens))
        return rng.choice(
            [
                charged,
                replace(charged, seconds=0.01),
                replace(charged, reports=False),
                replace(charged, text="x" * 3000, cut=True),
                replace(charged, raw=b"{"),
                Reaction(status=429, headers={"Retry-After": "0"}),
                Reaction(status=500),
            ]
        )

    return react


async def sit(mind: Ensemble, caller: Caller, rng: random.Random, server: ChatServer, until: int) -> None:
    """Ask until the budget is spent, or until the server has so many requests: then everything is dropped."""
    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            await fill(mind, rng, 400)
            tasks.cancel_scope.cancel()

        tasks.start_soon(work)
        while server.requests < until:
            await anyio.sleep(0.001)
        tasks.cancel_scope.cancel()
    await caller.close()


@pytest.mark.parametrize("seed", range(4))
def test_no_cap_is_exceeded_by_what_a_server_counts_over_kills_too(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    most = rng.randint(80_000, 120_000)
    journals.create(tmp_path / "run", STARTED).close()
    with ChatServer(moods(rng)) as server:
        for sitting in range(3):  # each but the last is cut off in the middle, as by a kill
            with journals.reopen(tmp_path / "run") as journal:
                caller = Caller(Client(lambda: Access(server.base_url, "sk-test"), 30.0), NO_WAIT, IN_FLIGHT)
                mind = Ensemble([Model("m", max_tokens=300)], caller, Caps(tokens=most), journal.conversations)
                before = mind.spending
                assert server.tokens <= before.tokens

                anyio.run(sit, mind, caller, rng, server, 20 * (sitting + 1) if sitting < 2 else 10_000)
        with journals.read(tmp_path / "run") as journal:
            assert server.tokens <= journal.conversations.spending.tokens <= most
            assert server.requests <= journal.conversations.spending.requests
            told = len(list(journal.conversations.all()))
            assert (told > 10) or sitting < 2  # when a sitting is cut off, most of its requests may be on their way
    assert server.requests > 40


def exchange(number: int, tokens: int) -> Exchange:
    return Exchange(number, 0, "improve", "m", (Message("user", "hi"),), "yes", usage=Usage(tokens, 0))


@pytest.fixture(params=["memory", "journal"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    with journals.create(tmp_path / "run", STARTED) as journal:
        yield Shelf() if request.param == "memory" else journal.conversations


def test_who_does_not_fit_waits_for_what_others_give_back(book: Book) -> None:
    ledger, order = Ledger(Caps(tokens=100), book), []

    async def first() -> None:
        account = ledger.open()
        await account.hold(Spending(80, 0.0, 1))
        order.append("first holds")
        await anyio.sleep(0.02)
        account.charge(Spending(30, 0.0, 1))
        account.record(exchange(0, 30))

    async def second() -> None:
        await anyio.sleep(0.005)
        account = ledger.open()
        order.append("second asks")
        await account.hold(Spending(70, 0.0, 1))
        order.append("second holds")
        account.charge(Spending(70, 0.0, 1))
        account.record(exchange(1, 70))

    async def go() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            tasks.start_soon(second)
        with pytest.raises(BudgetSpent, match="the cap of 100 tokens is reached: 100 are spent, one more request"):
            await ledger.open().hold(Spending(1, 0.0, 1))

    anyio.run(go)
    assert order == ["first holds", "second asks", "second holds"]
    assert ledger.spending == Spending(100, 0.0, 2, 2)


def test_what_was_cut_off_stays_spent_and_is_found_again(tmp_path: Path) -> None:
    async def go(ledger: Ledger) -> None:
        account = ledger.open()
        await account.hold(Spending(80, 0.5, 1))
        account.leave()
        free = ledger.open()
        free.leave()

    with journals.create(tmp_path / "run", STARTED) as journal:
        ledger = Ledger(Caps(tokens=100), journal.conversations)
        anyio.run(go, ledger)
        assert ledger.spending == Spending(80, 0.5, 1)
    with journals.reopen(tmp_path / "run") as journal:
        assert journal.conversations.spending == Spending(80, 0.5, 1)
        journal.conversations.record(exchange(0, 7))
        assert journal.conversations.spending == Spending(87, 0.5, 2, 1)
    with journals.read(tmp_path / "run") as journal:
        assert journal.conversations.spending == Spending(87, 0.5, 2, 1)


def test_a_fatal_error_gives_back_what_it_held() -> None:
    class Wrong(MoodyClient):
        async def attempt(self, model: Model, messages: tuple[Message, ...]) -> Answer | Refusal:
            return Refusal("the key is wrong", fatal=True)

    shelf = Shelf()
    mind = Ensemble([Model("m")], Caller(Wrong(random.Random(0)), NO_WAIT, 1), Caps(), shelf)
    with pytest.raises(ModelError, match="the key is wrong"):
        anyio.run(mind.ask, 0, 0, "improve", (Message("user", "hi"),), 0)
    assert mind.spending == Spending(requests=1)
    assert list(shelf.reservations.values()) == [Spending(requests=1)]


def test_what_goes_out_is_reserved_before(book: Book) -> None:
    seen: list[Spending] = []

    class Watching(MoodyClient):
        async def attempt(self, model: Model, messages: tuple[Message, ...]) -> Answer | Refusal:
            held = book.reserve(Spending())  # the next number shows how many there were
            seen.append(Spending(requests=held))
            return Answer("yes", "stop", usage=Usage(1, 1))

    mind = Ensemble([Model("m", max_tokens=9)], Caller(Watching(random.Random(0)), NO_WAIT, 1), Caps(), book)
    anyio.run(mind.ask, 0, 0, "improve", (Message("user", "hi"),), 0)
    first = 0 if isinstance(book, Shelf) else 1
    assert seen == [Spending(requests=first + 1)]
    if isinstance(book, Shelf):
        assert book.most[0] == Spending(most_prompt_tokens((Message("user", "hi"),)) + 9, 0.0, 1)
