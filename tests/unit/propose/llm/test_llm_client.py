"""One attempt over real HTTP: what every status, body and fault means."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import anyio
import pytest

from warploom.errors import ModelError
from warploom.propose.llm.access import Access
from warploom.propose.llm.answer import Answer
from warploom.propose.llm.client import MOST_BYTES, Client
from warploom.propose.llm.refusal import Refusal
from warploom.testing.chat_server import Call, ChatServer, React, Reaction
from warploom.values.exchange import Message, Usage
from warploom.values.model import Model, parse_model

KEY = "sk-test-0123456789/abc"
ASK = (Message("system", "be brief"), Message("user", "hello"))
ClientOf = Callable[..., Client]
Serve = Callable[[React], ChatServer]


def attempt(client: Client, model: str | Model = "m", times: int = 1) -> list[Answer | Refusal]:
    async def go() -> list[Answer | Refusal]:
        try:
            parsed = model if isinstance(model, Model) else parse_model(model)
            return [await client.attempt(parsed, ASK) for _ in range(times)]
        finally:
            await client.close()

    return anyio.run(go)


def refused(client: Client, model: str = "m") -> Refusal:
    outcome = attempt(client, model)[0]
    assert isinstance(outcome, Refusal)
    return outcome


def answered(client: Client, model: str = "m") -> Answer:
    outcome = attempt(client, model)[0]
    assert isinstance(outcome, Answer)
    return outcome


def test_what_is_sent_is_the_conversation_and_the_settings(serve: Serve, client_of: ClientOf) -> None:
    server = serve(lambda call: Reaction("hi", prompt_tokens=9, completion_tokens=2, logprobs=(-1.0, -2.0), cost=0.5))
    text = "m,temperature=0.5,effort=low,max_tokens=77,logprobs=yes"
    answer = answered(client_of(server), text)
    assert (answer.text, answer.finish, answer.usage) == ("hi", "stop", Usage(9, 2))
    assert (answer.logprob, answer.usd) == (-1.5, 0.5)
    call = server.calls[0]
    assert call.path == "/v1/chat/completions"
    assert call.authorization == "Bearer sk-test"
    assert call.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "reasoning_effort": "low",
        "max_tokens": 77,
        "logprobs": True,
    }


def test_what_is_not_set_is_not_sent(serve: Serve, client_of: ClientOf) -> None:
    server = serve(lambda call: Reaction(logprobs=(-1.0,)))
    assert answered(client_of(server)).logprob is None
    assert server.calls[0].body.keys() == {"model", "messages", "max_tokens"}


def error(status: int, message: str = "", code: str | None = None, **more: str) -> Callable[[Call], Reaction]:
    return lambda call: Reaction(status=status, error={"message": message, "code": code, **more})


@pytest.mark.parametrize(
    ("status", "message", "code", "says"),
    [
        (
            401,
            "Incorrect API key provided",
            "invalid_api_key",
            "refuses the key (401): Incorrect API key provided; che",
        ),
        (403, "Country not supported", None, "refuses the key (403)"),
        (404, "The model `m` does not exist", "model_not_found", "knows no model m (404)"),
        (402, "Insufficient credits", None, "has nothing left (402)"),
        (429, "You exceeded your current quota", "insufficient_quota", "has nothing left (429)"),
    ],
)
def test_what_ends_the_run(
    status: int, message: str, code: str | None, says: str, serve: Serve, client_of: ClientOf
) -> None:
    refusal = refused(client_of(serve(error(status, message, code))))
    assert says in refusal.error
    assert refusal.fatal
    assert not refusal.again
    assert not refusal.charged


@pytest.mark.parametrize(
    ("status", "message", "code", "finish"),
    [
        (400, "This model's maximum context length is 8192 tokens", "context_length_exceeded", "context"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", None, "context"),
        (413, "", None, "context"),
        (400, "rejected", "content_policy_violation", "refusal"),
    ],
)
def test_what_is_said_of_this_prompt_alone(
    status: int, message: str, code: str | None, finish: str, serve: Serve, client_of: ClientOf
) -> None:
    refusal = refused(client_of(serve(error(status, message, code))))
    assert refusal.finish == finish
    assert not refusal.fatal
    assert not refusal.misfit
    assert not refusal.again


@pytest.mark.parametrize(("status", "charged"), [(500, False), (502, True), (503, False), (504, True), (529, False)])
def test_what_is_tried_again(status: int, charged: bool, serve: Serve, client_of: ClientOf) -> None:
    refusal = refused(client_of(serve(error(status, "over\x1bloaded\nnow"))))
    assert f"answers {status}: over loaded now" in refusal.error
    assert (refusal.again, refusal.charged, refusal.after) == (True, charged, None)


def test_too_many_requests_say_how_long_to_wait(serve: Serve, client_of: ClientOf) -> None:
    server = serve(lambda call: Reaction(status=429, error={"message": "slow down"}, headers={"Retry-After": "7"}))
    refusal = refused(client_of(server))
    assert (refusal.again, refusal.after, refusal.charged) == (True, 7.0, False)


def test_a_setting_that_the_model_does_not_take(serve: Serve, client_of: ClientOf) -> None:
    refusal = refused(client_of(serve(error(400, "temperature must be 1", None, param="temperature"))))
    assert refusal.misfit
    assert "check the settings of --model m" in refusal.error


def test_the_other_name_of_the_limit_is_found_once(serve: Serve, client_of: ClientOf) -> None:
    def react(call: Call) -> Reaction:
        if "max_tokens" in call.body:
            unsupported = {"message": "Unsupported parameter: use max_completion_tokens", "param": "max_tokens"}
            return Reaction(status=400, error={**unsupported, "code": "unsupported_parameter"})
        return Reaction("hi")

    server = serve(react)
    first, second, third = attempt(client_of(server), "m,max_tokens=9", times=3)
    assert isinstance(first, Refusal)
    assert first.again
    assert isinstance(second, Answer)
    assert isinstance(third, Answer)
    assert [call.body.get("max_completion_tokens") for call in server.calls] == [None, 9, 9]


def test_an_answer_of_more_than_ten_megabytes_is_cut(serve: Serve, client_of: ClientOf) -> None:
    answer = answered(client_of(serve(lambda call: Reaction("x" * (MOST_BYTES + 1)))))
    assert (answer.text, answer.finish, answer.usage) == ("", "malformed", None)
    assert answer.error == "more than 10 MB"


def test_a_large_answer_is_whole(serve: Serve, client_of: ClientOf) -> None:
    assert len(answered(client_of(serve(lambda call: Reaction("x" * (MOST_BYTES - 1000))))).text) == MOST_BYTES - 1000


def test_malformed_json(serve: Serve, client_of: ClientOf) -> None:
    answer = answered(client_of(serve(lambda call: Reaction(raw=b'{"choices": [{"mess'))))
    assert (answer.finish, answer.usage) == ("malformed", None)


def test_an_answer_that_is_cut_off(serve: Serve, client_of: ClientOf) -> None:
    server = serve(lambda call: Reaction("x" * 5000, cut=True))
    refusal = refused(client_of(server))
    assert (refusal.again, refusal.charged) == (True, True)
    assert "broke off" in refusal.error


@pytest.mark.parametrize("slow", [Reaction(seconds=1.5), Reaction("x" * 500, drip_seconds=0.01)], ids=["late", "drip"])
def test_a_slow_answer(slow: Reaction, serve: Serve, client_of: ClientOf) -> None:
    refusal = refused(client_of(serve(lambda call: slow), seconds=0.3))
    assert (refusal.again, refusal.charged) == (True, True)
    assert "did not answer in 0.3 s" in refusal.error


def test_no_server() -> None:
    with ChatServer() as server:
        address = server.base_url
    refusal = refused(Client(lambda: Access(address, KEY), 5.0))
    assert (refusal.absent, refusal.again, refusal.charged) == (True, True, False)
    assert f"no server at {address}" in refusal.error


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("escape", [False, True], ids=["plain", "escaped"])
def test_a_key_that_the_server_repeats_goes_no_further(
    status: int, escape: bool, serve: Serve, client_of: ClientOf
) -> None:
    def react(call: Call) -> Reaction:
        text = f"{'y' * 290} {call.authorization}"  # at the place where long messages are cut
        message = {"message": {"content": text}, "finish_reason": "stop"} if status == 200 else {}
        raw = json.dumps({"choices": [message], "error": {"message": text}})
        return Reaction(status=status, raw=raw.replace("/", "\\u002f").encode() if escape else raw.encode())

    outcome = attempt(client_of(serve(react), key=KEY))[0]
    said = outcome.error + (outcome.text if isinstance(outcome, Answer) else "")
    assert KEY not in said
    assert KEY[:6] not in said
    if status == 200:
        assert "[key]" in said


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match="pip install"):
        attempt(Client(lambda: Access("http://127.0.0.1:1/v1", KEY)))
