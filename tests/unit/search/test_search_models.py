"""Runs whose kernels a language model writes, over real HTTP, in the synthetic world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.errors import ModelError
from warploom.search.run import Run
from warploom.testing.chat_server import Call, ChatServer, React, Reaction
from warploom.testing.synthetic_model import SyntheticModel
from warploom.testing.world import Killed, World, kill_after
from warploom.values.event import Asked, Declined, Evaluated, Event, Proposed, RunEnded
from warploom.values.exchange import Exchange, Spending

Serve = Callable[[React], ChatServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[ChatServer] = []

    def start(react: React) -> ChatServer:
        running.append(ChatServer(react))
        return running[-1].__enter__()

    yield start
    for server in running:
        server.__exit__(None, None, None)


def begin(world: World, server: ChatServer, proposer: str = "llm", **config: Any) -> Run:
    settings: dict[str, Any] = {"models": ("m,max_tokens=2000,price=1/10",), "evaluations": 30, **config}
    return world.begin(configured=proposer, base_url=server.base_url, every=7, **settings)


def exchanges(world: World, name: str = "run") -> list[Exchange]:
    with journals.read(world.root / name) as journal:
        return list(journal.conversations.all())


def outcomes(events: list[Event]) -> dict[int, Event]:
    return {event.number: event for event in events if isinstance(event, Evaluated | Declined)}


def test_a_model_finds_better_kernels_and_all_it_said_is_recorded(world: World, serve: Serve) -> None:
    server = serve(SyntheticModel(clever=True, useless=0.1))
    with begin(world, server, evaluations=40) as run:
        summary = run.go()
        assert run.spending.tokens == run.state.spending.tokens == server.tokens
        assert run.spending.requests == server.requests
    assert summary.speedup["eager"][0] > 2
    said = exchanges(world)
    assert len(said) == server.requests
    assert sum(exchange.usage.total for exchange in said) == server.tokens
    with journals.read(world.root / "run") as journal:
        for event in journal.events():
            if isinstance(event, Proposed) and event.number > 0:
                lineage = journal.proposal(event.candidate).lineage
                exchange = journal.conversations.find(lineage.prompt)
                assert exchange is not None
                assert exchange.number == event.number
                assert lineage.proposer == "llm:m"
                turns = journal.conversations.of(event.number)
                assert lineage.tokens == sum(one.usage.total for one in turns) > 0
                assert lineage.cost_usd == pytest.approx(sum(one.cost_usd or 0.0 for one in turns))
    assert world.notes
    assert "39 requests may cost" in world.notes[0]


@pytest.mark.parametrize(
    ("cap", "says"),
    [
        ({"max_tokens_total": 25_000}, "the cap of 25000 tokens is reached"),
        ({"max_usd": 0.08}, "the cap of $0.08 is reached"),
        ({"max_requests": 12}, "the cap of 12 requests is reached"),
    ],
    ids=["tokens", "usd", "requests"],
)
@pytest.mark.parametrize("in_flight", [1, 16])
def test_a_cap_is_a_normal_end_and_what_was_paid_for_counts(
    cap: dict[str, Any], says: str, in_flight: int, world: World, serve: Serve
) -> None:
    server = serve(SyntheticModel())
    with begin(world, server, in_flight=in_flight, evaluations=500, **cap) as run:
        summary = run.go()
        spending = run.spending
    assert says in summary.ended
    assert summary.finished
    assert summary.best
    assert server.tokens == spending.tokens <= cap.get("max_tokens_total", 10**9)
    assert server.prompt_tokens / 1e6 + server.completion_tokens * 10 / 1e6 <= cap.get("max_usd", 1e9)
    assert server.requests == spending.requests <= cap.get("max_requests", 10**9)
    assert server.requests >= 8
    events = world.events()
    assert isinstance(events[-1], RunEnded)
    told = outcomes(events)
    assert {exchange.number for exchange in exchanges(world)} <= told.keys()
    shares = [event.progress for event in events if isinstance(event, Asked)]
    assert shares[0] == 0
    assert shares[-1] > 0.06, "a cap on models is a budget like any other"


@pytest.mark.parametrize("after", [5, 14, 33, 58])
def test_a_run_that_is_killed_pays_for_no_answer_twice(after: int, world: World, serve: Serve) -> None:
    server = serve(SyntheticModel())
    run = begin(world, server, in_flight=3)
    with run, pytest.raises(Killed):
        run.go(kill_after(after))
    paid = exchanges(world)
    with world.go_on(configured=True) as run:
        summary = run.go()
        spending = run.spending
    assert summary.evaluations == 30
    said = exchanges(world)
    assert [one for one in said if one in paid] == paid
    assert server.tokens <= spending.tokens
    assert len(said) <= server.requests <= len(said) + 3, "only what was under way was asked again"
    with world.go_on(configured=True) as run:
        assert run.state.spending == _of_told(world)


def _of_told(world: World) -> Spending:
    told, total = outcomes(world.events()), Spending()
    for exchange in exchanges(world):
        total = total.plus(exchange) if exchange.number in told else total
    return total


def test_a_key_that_is_withdrawn_ends_the_sitting_and_loses_nothing(world: World, serve: Serve) -> None:
    model, valid = SyntheticModel(), [False]

    def react(call: Call) -> Reaction:
        if call.number >= 10 and not valid[0]:
            return Reaction(status=401, error={"message": "revoked"})
        return replace(model(call), seconds=0.01 * (call.number % 3))

    server = serve(react)
    with begin(world, server, in_flight=4) as run, pytest.raises(ModelError, match=r"refuses the key .*revoked"):
        run.go()
    assert not isinstance(world.events()[-1], RunEnded)
    assert len(exchanges(world)) == 10
    valid[0] = True
    with world.go_on(configured=True) as run:
        assert run.go().evaluations == 30
    assert len(exchanges(world)) >= 29


def test_a_model_that_writes_nothing_of_use_ends_the_run_by_itself(world: World, serve: Serve) -> None:
    server = serve(lambda call: Reaction("no", finish=("stop", "length", "content_filter")[call.number % 3]))
    with begin(world, server, evaluations=10) as run:
        summary = run.go()
    assert summary.ended == "nothing new to propose in 200 requests"
    assert summary.evaluations == 1


def test_an_ensemble_learns_over_kills_which_model_pays(world: World, serve: Serve) -> None:
    clever, useless = SyntheticModel(clever=True), SyntheticModel(useless=1.0)
    server = serve(lambda call: clever(call) if call.model == "clever" else useless(call))
    models = ("clever,max_tokens=2000", "useless,max_tokens=2000")
    with begin(world, server, models=models, evaluations=60) as run, pytest.raises(Killed):
        run.go(kill_after(90))
    with world.go_on(configured=True) as run:
        run.go()
    counts = Counter(exchange.model for exchange in exchanges(world) if exchange.turn == 0)
    late = Counter(exchange.model for exchange in exchanges(world)[-30:] if exchange.turn == 0)
    assert counts["clever"] > 2 * counts["useless"] > 0
    assert late["clever"] > 3 * late["useless"]


def test_moves_and_a_model_work_side_by_side(world: World, serve: Serve) -> None:
    server = serve(SyntheticModel(clever=True))
    with begin(world, server, proposer="mix", evaluations=40) as run:
        run.go()
    proposers = {event.proposer for event in world.events() if isinstance(event, Proposed)}
    assert {"llm:m", "moves"} <= proposers
    assert 0 < server.requests < 60


def test_patience_is_as_configured(world: World, serve: Serve) -> None:
    model = SyntheticModel()

    def react(call: Call) -> Reaction:
        if call.number == 1:
            return replace(model(call), seconds=6.0)
        return Reaction(status=429, headers={"Retry-After": "60"}) if call.number == 3 else model(call)

    server = serve(react)
    with begin(world, server, in_flight=1, evaluations=4, attempt_seconds=2.0, answer_seconds=30.0) as run:
        assert run.go().evaluations == 4
    said = exchanges(world)
    assert said[1].attempts == 2, "late after two seconds, and asked again"
    assert (said[2].finish, said[2].attempts) == ("error", 1), "a minute is more than an answer may take"


def test_without_learning_models_are_asked_by_weight_alone(world: World, serve: Serve) -> None:
    clever, useless = SyntheticModel(clever=True), SyntheticModel(useless=1.0)
    server = serve(lambda call: clever(call) if call.model == "clever" else useless(call))
    models = ("clever,max_tokens=2000", "useless,max_tokens=2000,weight=4")
    with begin(world, server, models=models, evaluations=20, bandit=False) as run:
        run.go()
    first = Counter(exchange.model for exchange in exchanges(world) if exchange.turn == 0)
    assert first["useless"] > 2 * first["clever"]
