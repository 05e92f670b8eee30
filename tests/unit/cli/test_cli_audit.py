"""What `audit` makes of its words, without starting PyTorch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from warploom.cli import audit as command
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.values.audit import Audit, Encounter, Finding, Pretender, Trial
from warploom.values.problem import Problem, Reference, Tensor, Workload

Captured = pytest.CaptureFixture[str]
PROBLEM = Problem(
    "twice",
    ("n",),
    {"x": Tensor("n")},
    {"out": Tensor("n")},
    Reference("", "", ""),
    (Workload(n=4),),
    title="each number doubled [n 9 → 4]",
)
CAUGHT = Trial(Pretender("constant", "zero", (), "zero"), (Encounter("n=4", False, "wrong_result", float("inf")),))
SURVIVES = Trial(
    Pretender("precision", "rounded", ("inputs", "bfloat16"), "inputs in bfloat16"),
    (Encounter("n=4", False, "", 0.25),),
)
ABSENT = Trial(Pretender("precision", "rounded", ("products", "bfloat16"), "products in bfloat16"), (), "no product")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Audit]:
    """The audits to be found, last first."""
    answers: list[Audit] = []

    def audit(problem: Problem, cache: Path, *, say: Callable[[str], None]) -> Audit:
        assert problem is PROBLEM
        say("workload 1 of 1: n=4")
        return answers.pop()

    monkeypatch.setattr(command, "try_pretenders", audit)
    monkeypatch.setattr(command, "load_problem", lambda word: PROBLEM)
    return answers


def test_a_pass_is_zero_and_one_object(found: list[Audit], capsys: Captured) -> None:
    remark = Finding(False, "a call takes 0.1 ms", "use larger axes")
    found.append(Audit("twice", PROBLEM.hash, (CAUGHT, ABSENT), (remark,), 2))
    assert run(["audit", "twice", "--json"]) == PASSED
    said = capsys.readouterr()
    assert "workload 1 of 1" in said.err, "whoever waits sees that something goes on"
    answer = json.loads(said.out)
    assert answer["passed"] is True
    assert answer["survivors"] == []
    assert answer["findings"] == [{"grave": False, "what": "a call takes 0.1 ms", "advice": "use larger axes"}]
    assert answer["trials"][0] == {
        "pretender": "zero",
        "family": "constant",
        "survived": False,
        "caught_at": ["n=4"],
        "met_at": ["n=4"],
        "largest_error_in_tolerances": None,
        "absent": "",
        "advice": "",
    }
    assert answer["trials"][1]["absent"] == "no product"


def test_a_survivor_is_one_and_comes_with_advice(found: list[Audit], capsys: Captured) -> None:
    both = Audit("twice", PROBLEM.hash, (CAUGHT, SURVIVES, ABSENT), (), 2)
    found += [both, both, both]
    assert run(["audit", "twice", "--json"]) == FAILED
    answer = json.loads(capsys.readouterr().out)
    assert answer["survivors"] == ["inputs in bfloat16"]
    assert "Tolerance(factor=" in answer["trials"][1]["advice"]
    assert run(["audit", "twice"]) == FAILED
    said = capsys.readouterr()
    shown = " ".join(said.out.split())
    assert "1 of 2 pretenders caught, 1 do not apply" in shown
    assert "survives: inputs in bfloat16" in shown
    assert "would catch it" in shown
    assert "workload 1 of 1" in said.err
    assert run(["audit", "twice", "--quiet"]) == FAILED
    assert capsys.readouterr().err == ""


def test_a_grave_finding_is_one(found: list[Audit], capsys: Captured) -> None:
    found.append(Audit("twice", PROBLEM.hash, (CAUGHT,), (Finding(True, "the oracle is none", "name no dtype"),), 2))
    assert run(["audit", "twice"]) == FAILED
    said = " ".join(capsys.readouterr().out.split())
    assert "wanting" in said
    assert "wrong: the oracle is none name no dtype" in said


def test_an_unknown_problem_is_bad_input(capsys: Captured) -> None:
    assert run(["audit", "softmaxx", "--json"]) == BAD_INPUT
    assert "did you mean softmax" in json.loads(capsys.readouterr().out)["error"]


def test_the_title_is_told_and_so_what_was_made_smaller(found: list[Audit], capsys: Captured) -> None:
    found += [Audit("twice", PROBLEM.hash, (CAUGHT,), (), 2)] * 2
    assert run(["audit", "twice"]) == PASSED
    assert "twice: each number doubled [n 9 → 4]" in capsys.readouterr().err
    assert run(["audit", "twice", "--quiet"]) == PASSED
    assert capsys.readouterr().err == ""
