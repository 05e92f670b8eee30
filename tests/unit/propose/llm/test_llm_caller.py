"""Attempts, waits and accounts of one answer, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

import anyio
import pytest

from warploom.errors import BudgetSpent, ModelError
from warploom.propose.llm.access import Access
from warploom.propose.llm.caller import MOST_ERRORS, Caller, Outcome, most_prompt_tokens
from warploom.propose.llm.client import Client
from warploom.propose.llm.ledger import Caps, Ledger
from warploom.propose.llm.retry import Patience
from warploom.testing.chat_server import Call, ChatServer, React, Reaction
from warploom.testing.shelf import Shelf
from warploom.values.exchange import Message, Spending, Usage
from warploom.values.model import parse_model

ASK = (Message("user", "hello"),)
QUICK = Patience(attempt_seconds=30.0, total_seconds=120.0, first_wait_seconds=0.001, longest_wait_seconds=0.002)
Serve = Callable[[React], ChatServer]
CallerOf = Callable[..., Caller]


def call(caller: Caller, text: str = "m,max_tokens=50", times: int = 1, caps: Caps | None = None) -> list[Outcome]:
    ledger = Ledger(caps or Caps(), Shelf())

    async def go() -> list[Outcome]:
        try:
            return [await caller.call(parse_model(text), ASK, ledger.open()) for _ in range(times)]
        finally:
            await caller.close()

    return anyio.run(go)


def script(*reactions: Reaction) -> React:
    return lambda call: reactions[min(call.number, len(reactions) - 1)]


BUSY = Reaction(status=503, error={"message": "busy"})


@pytest.mark.parametrize(
    "trouble",
    [
        BUSY,
        Reaction(status=500),
        Reaction(status=429, headers={"Retry-After": "0"}),
        Reaction("x" * 4000, cut=True),
    ],
    ids=["503", "500", "429", "cut"],
)
def test_trouble_passes(trouble: Reaction, serve: Serve, caller_of: CallerOf) -> None:
    server = serve(script(trouble, trouble, Reaction("at last")))
    (outcome,) = call(caller_of(server))
    assert outcome.answer.text == "at last"
    assert outcome.attempts == server.requests == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_server_says_how_long_to_wait(form: str, serve: Serve, caller_of: CallerOf) -> None:
    def react(call: Call) -> Reaction:
        if call.number > 0:
            return Reaction("now")
        header = "1" if form == "seconds" else formatdate(time.time() + 2.0, usegmt=True)
        return Reaction(status=429, headers={"Retry-After": header})

    (outcome,) = call(caller_of(serve(react)))
    assert outcome.answer.text == "now"
    assert outcome.seconds >= 0.9


def test_a_wait_that_patience_does_not_have_is_not_begun(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(script(Reaction(status=429, error={"message": "later"}, headers={"Retry-After": "86400"})))
    (outcome,) = call(caller_of(server))
    assert (outcome.answer.finish, server.requests) == ("error", 1)
    assert "asks to wait: later" in outcome.answer.error
    assert outcome.seconds < 60


def test_attempts_are_counted(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: BUSY)
    (outcome,) = call(caller_of(server, replace(QUICK, attempts=4)))
    assert (outcome.answer.finish, outcome.attempts, server.requests) == ("error", 4, 4)
    assert "answers 503: busy" in outcome.answer.error


@pytest.mark.parametrize(
    "bad",
    [Reaction(raw=b"{"), Reaction(""), Reaction(None, refusal="no"), Reaction("half", finish="length")],
    ids=["malformed", "empty", "refusal", "length"],
)
def test_an_answer_that_was_paid_for_is_not_asked_for_again(bad: Reaction, serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: bad)
    (outcome,) = call(caller_of(server))
    assert server.requests == outcome.attempts == 1
    assert outcome.answer.finish in {"malformed", "empty", "refusal", "length"}
    assert outcome.usage.total >= server.tokens > 0


def test_an_attempt_whose_cost_nobody_knows_counts_as_its_bound(serve: Serve, caller_of: CallerOf) -> None:
    whole = Reaction("yes", prompt_tokens=12, completion_tokens=3)
    server = serve(script(Reaction("x" * 4000, cut=True, prompt_tokens=12, completion_tokens=50), whole))
    (outcome,) = call(caller_of(server), "m,max_tokens=50,price=1/10")
    bound = most_prompt_tokens(ASK)
    assert outcome.usage == Usage(bound + 12, 50 + 3)
    assert outcome.cost_usd == pytest.approx((bound + 12 + 10 * 53) / 1e6)
    assert outcome.usage.total >= server.tokens


def test_a_server_that_reports_no_usage_is_charged_the_bound(serve: Serve, caller_of: CallerOf) -> None:
    (outcome,) = call(caller_of(serve(lambda call: Reaction("yes", reports=False))))
    assert outcome.usage == Usage(most_prompt_tokens(ASK), 50)


def test_what_is_refused_costs_nothing(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(script(BUSY, Reaction("yes", prompt_tokens=12, completion_tokens=3)))
    (outcome,) = call(caller_of(server))
    assert outcome.usage == Usage(12, 3)
    assert outcome.cost_usd is None


def test_a_price_that_the_server_tells_is_kept(serve: Serve, caller_of: CallerOf) -> None:
    (outcome,) = call(caller_of(serve(lambda call: Reaction(cost=0.25))))
    assert outcome.cost_usd == 0.25


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_no_request_can_mend_ends_the_run(status: int, serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: Reaction(status=status))
    with pytest.raises(ModelError, match=f"\\({status}\\)"):
        call(caller_of(server))
    assert server.requests == 1


def test_a_setting_that_never_worked_ends_the_run_and_one_that_did_does_not(serve: Serve, caller_of: CallerOf) -> None:
    odd = Reaction(status=422, error={"message": "odd"})
    with pytest.raises(ModelError, match="odd; check the settings of --model m"):
        call(caller_of(serve(lambda call: odd)))
    first, second = call(caller_of(serve(script(Reaction("yes"), odd))), times=2)
    assert (first.answer.finish, second.answer.finish) == ("stop", "error")


def test_no_server_is_said_soon() -> None:
    with ChatServer() as server:
        address = server.base_url
    patience = replace(QUICK, attempts=1000, before_contact=2)
    with pytest.raises(ModelError, match="no server at"):
        call(Caller(Client(lambda: Access(address, "sk-test")), patience, 1))


def test_a_server_that_went_away_is_waited_for_longer() -> None:
    server = ChatServer()
    with server:
        caller = Caller(
            Client(lambda: Access(server.base_url, "sk-test")), replace(QUICK, attempts=5, before_contact=1), 1
        )
        ledger = Ledger(Caps(), Shelf())
        account = ledger.open()

        async def go() -> None:
            try:
                await caller.call(parse_model("m"), ASK, account)
                server.__exit__(None, None, None)
                last = ledger.open()
                try:
                    await caller.call(parse_model("m"), ASK, last)
                finally:
                    assert last.charged == Spending(requests=5)
            finally:
                await caller.close()

        with pytest.raises(ModelError, match="no server at"):
            anyio.run(go)


def test_a_server_that_never_answers_ends_the_run(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: BUSY)
    with pytest.raises(ModelError, match=f"{MOST_ERRORS} requests in a row came to nothing, the last one: .*busy"):
        call(caller_of(server, replace(QUICK, attempts=1)), times=2 * MOST_ERRORS)
    assert server.requests == MOST_ERRORS


def test_no_more_than_so_many_requests_at_a_time(serve: Serve, caller_of: CallerOf) -> None:
    def storm(call: Call) -> Reaction:
        limited = call.number % 3 == 0
        return Reaction(status=429, headers={"Retry-After": "0"}) if limited else Reaction("yes", seconds=0.02)

    server = serve(storm)
    caller = caller_of(server, replace(QUICK, attempts=50), concurrent=4)
    ledger, outcomes = Ledger(Caps(), Shelf()), []

    async def one() -> None:
        outcomes.append(await caller.call(parse_model("m"), ASK, ledger.open()))

    async def go() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(one)
        await caller.close()

    anyio.run(go)
    assert [outcome.answer.text for outcome in outcomes] == ["yes"] * 40
    assert server.at_once == 4
    assert sum(outcome.attempts for outcome in outcomes) == server.requests > 40


def test_a_cap_stops_further_attempts(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: BUSY)
    (outcome,) = call(caller_of(server), caps=Caps(requests=3))
    assert (outcome.attempts, server.requests, outcome.answer.finish) == (3, 3, "error")
    assert "no further attempt: the cap of 3 requests is reached" in outcome.answer.error
    with pytest.raises(BudgetSpent, match="the cap of 0 requests is reached"):
        call(caller_of(server), caps=Caps(requests=0))
    assert server.requests == 3


def test_a_server_that_counts_beyond_the_bound_is_believed(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: Reaction("yes", prompt_tokens=5000, completion_tokens=1))
    first, *_ = call(caller_of(server), times=2, caps=Caps(tokens=12_000))
    assert first.usage == Usage(5000, 1)
    with pytest.raises(BudgetSpent):  # the second bound has learned; a third is not begun
        call(caller_of(server), times=3, caps=Caps(tokens=12_000))


@pytest.mark.parametrize("text", ["", "hello", "é" * 100, "\U0001f600" * 50, "int x[] = {1,2,3};\n" * 40])
def test_no_tokenizer_makes_more_tokens_than_the_bound(text: str) -> None:
    worst = len(text.encode())  # one for each byte
    assert most_prompt_tokens((Message("user", text),)) > worst
