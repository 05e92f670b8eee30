"""``warploom doctor --llm``, over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from warploom.cli import doctor
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.testing.chat_server import Call, ChatServer, Reaction

Captured = pytest.CaptureFixture[str]
KEY = "sk-doctor-0123456789"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "examine", list)


def findings(capsys: Captured, *words: str, code: int = PASSED) -> dict[str, Any]:
    assert run(["doctor", "--llm", *words, "--json"]) == code
    text = capsys.readouterr().out
    assert KEY not in text
    return {found["name"]: found for found in json.loads(text)["findings"]}


def test_each_model_is_asked_once_and_what_works_is_said(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def react(call: Call) -> Reaction:
        if call.model == "silent":
            return Reaction("ready", reports=False)
        if call.model == "odd":
            return Reaction(raw=b"{")
        return Reaction("ready", prompt_tokens=1000, completion_tokens=100, logprobs=(-1.0,))

    with ChatServer(react) as server:
        names = ("good,price=1/10,logprobs=yes", "silent", "odd,logprobs=yes")
        words = [word for name in names for word in ("--model", name)]
        found = findings(capsys, *words, "--base-url", server.base_url)
        assert server.requests == 3
    assert found["model server"]["detail"] == f"{server.base_url}; key: found"
    assert found["good"]["state"] == "ok"
    assert "1100 tokens, $0.002000, log-probabilities" in found["good"]["detail"]
    assert found["silent"]["state"] == "weaker"
    assert "reports no tokens" in found["silent"]["detail"]
    assert "price unknown, so --max-usd cannot hold" in found["silent"]["detail"]
    assert "answers, but: malformed" in found["odd"]["detail"]


@pytest.mark.parametrize(
    ("status", "says"), [(401, "refuses the key"), (404, "knows no model m"), (500, "answers 500")]
)
def test_a_model_that_cannot_be_used(status: int, says: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ChatServer(lambda call: Reaction(status=status, error={"message": f"no: {call.authorization}"})) as server:
        found = findings(capsys, "--model", "m", "--base-url", server.base_url, code=FAILED)
        assert server.requests == 1
    assert found["m"]["state"] == "missing"
    assert says in found["m"]["detail"]


def test_a_model_with_the_newer_limit_is_asked_again(capsys: Captured) -> None:
    def react(call: Call) -> Reaction:
        if "max_tokens" in call.body:
            return Reaction(status=400, error={"message": "Unsupported parameter", "param": "max_tokens"})
        return Reaction("ready")

    with ChatServer(react) as server:
        found = findings(capsys, "--model", "m", "--base-url", server.base_url)
    assert found["m"]["state"] == "ok"
    assert "a local server needs none" in found["model server"]["detail"]


def test_without_key_server_or_name_it_says_what_to_give(capsys: Captured) -> None:
    assert "set OPENAI_API_KEY" in findings(capsys, "--model", "m", code=FAILED)["language model"]["detail"]
    none = findings(capsys, "--base-url", "http://127.0.0.1:9/v1", code=FAILED)["language model"]
    assert "--model NAME" in none["mend"]
    gone = findings(capsys, "--base-url", "http://127.0.0.1:9/v1", "--model", "m", code=FAILED)["m"]
    assert "no server at http://127.0.0.1:9/v1" in gone["detail"]


def test_the_environment_names_server_and_model(capsys: Captured, tmp_path: Path) -> None:
    with ChatServer() as server:
        (tmp_path / ".env").write_text(f"OPENAI_BASE_URL={server.base_url}\nOPENAI_MODEL=m\nOPENAI_API_KEY={KEY}\n")
        assert findings(capsys)["m"]["state"] == "ok"
        assert server.calls[0].authorization == f"Bearer {KEY}"


@pytest.mark.parametrize("words", [["--model", "m"], ["--base-url", "http://x/v1"], ["--llm", "--model", "m,x=1"]])
def test_words_that_do_not_go_together(words: list[str], capsys: Captured) -> None:
    assert run(["doctor", *words, "--json"]) == BAD_INPUT
    assert "--" in json.loads(capsys.readouterr().out)["error"]
