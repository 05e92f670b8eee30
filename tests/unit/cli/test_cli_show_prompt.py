"""show --prompt, on a run in which a model was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.cli.main import BAD_INPUT, run
from warploom.testing.synthetic import synthetic_candidate, synthetic_problem
from warploom.values.candidate import Lineage, Proposal
from warploom.values.config import RunConfig
from warploom.values.event import Asked, Proposed, RunStarted
from warploom.values.exchange import Exchange, Message, Usage
from warploom.values.problem import describe

Captured = pytest.CaptureFixture[str]

PLAN = (Message("system", "You write kernels."), Message("user", "Plan \x1b[31m[bold]it[/bold]."))
CODE = (*PLAN, Message("assistant", "A plan."), Message("user", "Write it."))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with a seed and a candidate that took two turns."""
    started = RunStarted(RunConfig("twice").to_mapping(), describe(synthetic_problem()), {}, "0.1.0")
    with journals.create(tmp_path / "run", started) as journal:
        turns = [
            Exchange(1, turn, "explore", "large-model", messages, answer, usage=Usage(50, 25), cost_usd=0.01)
            for turn, (messages, answer) in enumerate([(PLAN, "A plan."), (CODE, "```cpp\nint x;\n```")])
        ]
        for exchange in turns:
            journal.conversations.record(exchange)
        answered = Lineage(("p",), "llm:large-model", "explore", prompt=turns[1].id, tokens=150, cost_usd=0.02)
        for number, lineage in enumerate((Lineage(), answered)):
            candidate = synthetic_candidate((number,) * 6)
            journal.append(Asked(number, "", (), (), None, 0, 0, 0.0))
            event = Proposed(number, candidate.id, lineage.proposer, lineage.operator, "")
            journal.append(event, proposal=Proposal(candidate, lineage))
    return tmp_path / "run"


def test_the_conversation_is_printed_as_it_was_said(folder: Path, capsys: Captured) -> None:
    assert run(["show", str(folder), synthetic_candidate((1,) * 6).id, "--prompt"]) == 0
    out = capsys.readouterr().out
    said = [
        "You write kernels.",
        "[bold]it[/bold].",
        "A plan.",
        "Write it.",
        "```cpp\nint x;\n```",
        "150 tokens in 2 turns",
    ]
    places = [out.index(words) for words in said]
    assert places == sorted(places)
    assert "\x1b" not in out
    assert "$0.0200" in out


def test_the_conversation_as_an_object(folder: Path, capsys: Captured) -> None:
    candidate = synthetic_candidate((1,) * 6).id
    assert run(["show", str(folder), candidate[:8], "--prompt", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [message["role"] for message in found["messages"]] == ["system", "user", "assistant", "user"]
    assert found["answer"] == "```cpp\nint x;\n```"
    expected = {"candidate": candidate, "model": "large-model", "tokens": 150, "cost_usd": 0.02, "turns": 2}
    assert {name: found[name] for name in expected} == expected
    assert run(["show", str(folder), candidate, "--json"]) == 0
    lineage = json.loads(capsys.readouterr().out)["lineage"]
    assert (lineage["prompt"], lineage["tokens"], lineage["cost_usd"]) == (found["prompt"], 150, 0.02)
    assert run(["show", str(folder), candidate]) == 0
    assert "150 tokens, $0.0200; shown with --prompt" in capsys.readouterr().out


def test_without_a_prompt_there_is_nothing_to_show(folder: Path, capsys: Captured) -> None:
    seed = synthetic_candidate((0,) * 6).id
    assert run(["show", str(folder), seed, "--prompt"]) == BAD_INPUT
    assert f"candidate {seed} has no prompt; it was made by: seed" in " ".join(capsys.readouterr().err.split())
    assert run(["show", str(folder), "--prompt"]) == BAD_INPUT
    assert "--prompt needs a candidate" in capsys.readouterr().err
