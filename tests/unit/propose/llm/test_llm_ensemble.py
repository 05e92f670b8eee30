"""Several models that answer as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import anyio
import pytest

from warploom.propose.llm.caller import Caller
from warploom.propose.llm.ensemble import Ensemble
from warploom.propose.llm.ledger import Caps
from warploom.testing.chat_server import ChatServer, React, Reaction
from warploom.testing.shelf import Shelf
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation
from warploom.values.candidate import Lineage, Proposal
from warploom.values.exchange import Exchange, Message, Spending, Usage
from warploom.values.model import Model, parse_model
from warploom.values.request import Feedback, Request

ASK = (Message("user", "hello"),)
Serve = Callable[[React], ChatServer]
CallerOf = Callable[..., Caller]


def ensemble(caller: Caller, models: Sequence[str], shelf: Shelf | None = None, *, learning: bool = True) -> Ensemble:
    return Ensemble([parse_model(text) for text in models], caller, Caps(), shelf or Shelf(), learning=learning)


def ask(mind: Ensemble, caller: Caller, *turns: tuple[int, int]) -> list[Exchange]:
    async def go() -> list[Exchange]:
        try:
            return [await mind.ask(number, turn, "improve", ASK, seed=number) for number, turn in turns]
        finally:
            await caller.close()

    return anyio.run(go)


def feedback(gain: float | None) -> Feedback:
    candidate = synthetic_candidate()
    request = Request(1, "", (), (), None, 0, 1)
    evaluation = synthetic_evaluation(candidate)
    fitness = None if gain is None else 1.0 + gain
    return Feedback(request, Proposal(candidate, Lineage()), evaluation, fitness, 1.0, 1.0, "new")


def test_an_exchange_is_recorded_with_all_that_is_known_of_it(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: Reaction("yes", prompt_tokens=9, completion_tokens=2, logprobs=(-1.0,)))
    caller, shelf = caller_of(server), Shelf()
    mind = ensemble(caller, ["m,temperature=1,max_tokens=50,price=1/2,logprobs=yes"], shelf)
    (exchange,) = ask(mind, caller, (3, 0))
    assert shelf.exchanges == {(3, 0): exchange}
    assert (exchange.number, exchange.turn, exchange.operator, exchange.model) == (3, 0, "improve", "m,temperature=1")
    assert (exchange.messages, exchange.answer, exchange.finish) == (ASK, "yes", "stop")
    assert exchange.settings == {"max_tokens": 50, "temperature": 1.0}
    assert (exchange.usage, exchange.attempts, exchange.logprob) == (Usage(9, 2), 1, -1.0)
    assert exchange.cost_usd == pytest.approx(13e-6)
    assert exchange.seconds > 0
    assert mind.spending == Spending(11, exchange.cost_usd or 0.0, 1, 0)


def test_what_was_recorded_is_not_paid_for_again(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: Reaction(f"answer {call.number}"))
    caller, shelf = caller_of(server), Shelf()
    first = ask(ensemble(caller, ["m"], shelf), caller, (1, 0))
    again = ask(ensemble(caller, ["m"], shelf), caller, (1, 0), (2, 0))
    assert again[0] == first[0]
    assert [exchange.answer for exchange in again] == ["answer 0", "answer 1"]


def test_the_same_request_goes_to_the_same_model_and_so_do_its_later_turns(serve: Serve, caller_of: CallerOf) -> None:
    caller = caller_of(serve(lambda call: Reaction(call.model)))
    turns = [(number, turn) for number in range(12) for turn in range(2)]
    first = ask(ensemble(caller, ["a", "b", "c"]), caller, *turns)
    second = ask(ensemble(caller, ["a", "b", "c"]), caller, *turns)
    assert [exchange.model for exchange in first] == [exchange.model for exchange in second]
    assert len({exchange.model for exchange in first}) > 1
    assert all(one.model == two.model == two.answer for one, two in zip(first[::2], first[1::2], strict=True))


def chosen(mind: Ensemble, count: int = 400) -> Counter[str]:
    return Counter(mind._model(number, 0, number).label for number in range(count))


def said(model: str, usd: float | None = None, tokens: int = 100) -> Exchange:
    return Exchange(0, 0, "improve", model, ASK, "yes", usage=Usage(tokens), cost_usd=usd)


def test_weights_say_what_is_expected_at_first(serve: Serve, caller_of: CallerOf) -> None:
    caller = caller_of(serve(lambda call: Reaction()))
    even, tilted = ensemble(caller, ["a", "b"]), ensemble(caller, ["a,weight=4", "b"])
    assert chosen(even)["a"] < 240 < chosen(tilted)["a"]
    fixed = ensemble(caller, ["a,weight=4", "b"], learning=False)
    assert 290 < chosen(fixed)["a"] < 350


def test_a_model_that_pays_is_asked_more(serve: Serve, caller_of: CallerOf) -> None:
    caller = caller_of(serve(lambda call: Reaction()))
    mind, fixed = ensemble(caller, ["a", "b"]), ensemble(caller, ["a", "b"], learning=False)
    for one in (mind, fixed):
        for _ in range(30):
            one.tell(said("a"), feedback(0.2))
            one.tell(said("b"), feedback(0.001))  # noise
            one.tell(said("b"), feedback(None))
            one.tell(said("b"), None)
    assert chosen(mind)["a"] > 380
    assert chosen(fixed)["a"] < 240


@pytest.mark.parametrize("priced", [True, False])
def test_of_two_that_gain_as_much_the_cheaper_is_asked_more(priced: bool, serve: Serve, caller_of: CallerOf) -> None:
    caller = caller_of(serve(lambda call: Reaction()))
    models = ["cheap,price=1/1", "dear,price=1/1"] if priced else ["cheap", "dear,price=1/1"]
    mind = ensemble(caller, models)
    for number in range(30):
        gain = feedback(0.1 if number % 3 == 0 else 0.0)
        # Where one has no price, tokens count, and dollars do not.
        mind.tell(said("cheap", 0.001 if priced else None, tokens=100), gain)
        mind.tell(said("dear", 0.01 if priced else 0.0001, tokens=100 if priced else 1000), gain)
    assert chosen(mind)["cheap"] > 340


def test_what_was_learned_goes_through_a_snapshot(serve: Serve, caller_of: CallerOf) -> None:
    caller = caller_of(serve(lambda call: Reaction()))
    mind, other = ensemble(caller, ["a", "b"]), ensemble(caller, ["a", "b"])
    for _ in range(30):
        mind.tell(said("a"), feedback(0.2))
        mind.tell(said("b"), None)
        mind.tell(said("gone"), feedback(0.2))  # of an earlier ensemble
    other.restore(mind.snapshot())
    assert chosen(other) == chosen(mind) != chosen(ensemble(caller, ["a", "b"]))


def test_names(serve: Serve, caller_of: CallerOf) -> None:
    caller = caller_of(serve(lambda call: Reaction()))
    assert ensemble(caller, ["gpt"]).name == "gpt"
    assert ensemble(caller, ["gpt", "qwen"]).name == "2 models"


def test_the_first_prompt_of_a_run_is_shown_before_it_is_sent(serve: Serve, caller_of: CallerOf) -> None:
    server = serve(lambda call: Reaction())
    caller, shelf = caller_of(server), Shelf()
    shown: list[tuple[tuple[Message, ...], int]] = []
    models = [Model("m")]

    def foresee(messages: tuple[Message, ...]) -> None:
        shown.append((messages, server.requests))

    ask(Ensemble(models, caller, Caps(), shelf, foresee=foresee), caller, (1, 0), (2, 0))
    ask(Ensemble(models, caller, Caps(), shelf, foresee=foresee), caller, (3, 0))
    assert shown == [(ASK, 0)]
