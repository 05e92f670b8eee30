from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from warploom.propose.writing.memory import (
    MOST_ATTEMPTS,
    MOST_FAILURES,
    MOST_IDEAS,
    MOST_KERNELS,
    MOST_KNOWN,
    REPAIRS,
    Memory,
    twin_key,
)
from warploom.propose.writing.operators import paid
from warploom.values.candidate import Lineage, Proposal
from warploom.values.outcome import Failed

WRONG = Failed(
    "verify", "wrong_result", "held-out workload 1 of 1 (wide values): output 'out': element 41 is 1, expected 2"
)


def proposal(desk: Any, body: str, parent: str = "p", operator: str = "improve", note: str = "an idea") -> Proposal:
    return Proposal(desk.candidate(body), Lineage((parent,), "llm:m", operator, note=note))


def learn(memory: Memory, desk: Any, made: Proposal, evaluation: Failed | None = None, fitness: float = 1.0) -> None:
    memory.learn(desk.feedback(desk.request(), made, evaluation, fitness))


def worth(memory: Memory) -> list[str]:
    return list(memory.failures)


def test_what_was_tried_on_a_kernel_and_what_it_gave(desk: Any) -> None:
    memory = Memory()
    parent = desk.request().parents[0].candidate.id
    learn(memory, desk, proposal(desk, "int a;", parent), fitness=1.0)
    learn(memory, desk, proposal(desk, "int b;", parent, note=""), WRONG)
    learn(memory, desk, proposal(desk, "int c;", "another"))
    first, second = memory.attempts(parent)
    assert (first.what, second.what) == ("improve: an idea", "improve")
    assert first.result == "2.72 times the speed of PyTorch eager, where the kernel it was made from had 2.01"
    assert second.result.startswith("its results are wrong (on a shape that is not shown, values over many magnitudes")
    assert "41" not in second.result
    assert len(memory.attempts("another")) == 1
    assert "made from" not in memory.attempts("another")[0].result
    assert memory.attempts("nobody") == ()


def test_ideas_of_models_are_known_wherever_they_were_tried(desk: Any) -> None:
    memory = Memory()
    for number in range(MOST_IDEAS + 2):
        learn(memory, desk, proposal(desk, f"int a{number};", f"p{number}", note=f"idea {number}"))
    learn(memory, desk, proposal(desk, "int b;", "p1", note=""))
    learn(memory, desk, proposal(desk, "int c;", "p1", operator="grow:tile", note="a rewrite"))
    again = Memory()
    again.restore(memory.snapshot())
    for one in (memory, again):
        told = [attempt.what for attempt in one.elsewhere("p5")]
        assert told == [f"improve: idea {number}" for number in range(2, MOST_IDEAS + 2) if number != 5]
        assert one.elsewhere("nobody")[0].result.startswith("2.72 times the speed of PyTorch eager")
    older = {key: value for key, value in memory.snapshot().items() if key != "ideas"}
    again.restore(older)
    assert again.elsewhere("p5") == ()


def test_twins_are_recognised_by_what_the_code_does(desk: Any) -> None:
    memory = Memory()
    body = "int f(int n) {\n  int sum = 0;\n  for (int i = 0; i < n; ++i) { sum += i; }\n  return sum;\n}\n"
    learn(memory, desk, proposal(desk, body))
    twin = body.replace("sum", "total").replace("  ", "\t") + "// a remark\n"
    assert memory.twin(desk.candidate(twin), memory.told).startswith(f"{desk.candidate(body).id}: 2.72 times")
    assert memory.twin(desk.candidate(body.replace("+= i", "+= 2 * i")), memory.told) == ""
    assert memory.twin(desk.candidate(body, TILE=2), memory.told) == ""
    assert memory.twin(replace(desk.candidate(body), build_flags=("-Ofast",)), memory.told) == ""
    assert memory.twin(desk.candidate(twin), 0) == "", "what was told later does not count"


def test_twins_of_several_files_and_of_what_cannot_be_read(desk: Any) -> None:
    one = desk.candidate()
    two = replace(one, sources=(*one.sources, ("more.h", "int x;")))
    assert twin_key(one) != twin_key(two)
    deep = replace(one, sources=(("k.cpp", "int f() { return " + "(" * 30000 + "1" + ")" * 30000 + "; }"),))
    assert twin_key(deep) == twin_key(deep)


def test_failures_are_worth_mending_a_bounded_number_of_times(desk: Any) -> None:
    memory = Memory()
    first = proposal(desk, "int a;")
    learn(memory, desk, first, WRONG)
    assert worth(memory) == [first.candidate.id]
    second = proposal(desk, "int b;", first.candidate.id, "repair")
    learn(memory, desk, second, WRONG)
    assert worth(memory) == [second.candidate.id], "the newest try is what is mended next"
    third = proposal(desk, "int c;", second.candidate.id, "repair")
    learn(memory, desk, third, WRONG)
    assert worth(memory) == []
    assert REPAIRS == 2


def test_a_mended_failure_is_forgotten(desk: Any) -> None:
    memory = Memory()
    first = proposal(desk, "int a;")
    learn(memory, desk, first, WRONG)
    learn(memory, desk, proposal(desk, "int b;", first.candidate.id, "repair"))
    assert worth(memory) == []


def test_tries_that_led_to_nothing_count(desk: Any) -> None:
    memory = Memory()
    first = proposal(desk, "int a;")
    learn(memory, desk, first, WRONG)
    memory.not_mended(first.candidate.id)
    assert worth(memory) == [first.candidate.id]
    memory.not_mended(first.candidate.id)
    assert worth(memory) == []
    memory.not_mended("unknown")


def test_only_own_failures_that_are_the_kernels_fault_are_mended(desk: Any) -> None:
    memory = Memory()
    learn(memory, desk, proposal(desk, "int a;", operator="grow:vectorise"), WRONG)
    learn(memory, desk, proposal(desk, "int b;"), Failed("judge", "reference", "PyTorch died"))
    assert worth(memory) == []


def test_everything_is_bounded_and_survives_a_snapshot(desk: Any) -> None:
    memory = Memory()
    for number in range(MOST_FAILURES + 5):
        learn(memory, desk, proposal(desk, f"int a{number};", f"p{number % 3}"), WRONG)
    for number in range(MOST_KERNELS + 5):
        learn(memory, desk, proposal(desk, f"int b{number};", f"q{number}", operator="grow"))
    state = memory.snapshot()
    assert len(state["failures"]) == MOST_FAILURES
    assert len(state["attempts"]) == MOST_KERNELS
    assert max(len(tried) for tried in state["attempts"].values()) <= MOST_ATTEMPTS
    again = Memory()
    again.restore(json.loads(json.dumps(state)))
    assert again.snapshot() == state
    assert (again.failures, again.told) == (memory.failures, memory.told)
    last = proposal(desk, f"int b{MOST_KERNELS};").candidate
    assert again.twin(last, again.told) == memory.twin(last, memory.told) != ""


def test_only_the_newest_kernels_are_known(desk: Any) -> None:
    memory = Memory()
    state = memory.snapshot() | {"known": {f"{n:016x}": [n + 1, "x"] for n in range(MOST_KNOWN)}, "told": MOST_KNOWN}
    memory.restore(state)
    learn(memory, desk, proposal(desk, "int a;"))
    known = memory.snapshot()["known"]
    assert len(known) == MOST_KNOWN
    assert f"{0:016x}" not in known


@pytest.mark.parametrize(
    ("operator", "fitness", "status", "expected"),
    [
        ("improve", 0.75, "not_added", True),
        ("improve", 0.71, "new", False),
        ("rewrite", 0.6, "not_added", False),
        ("explore", 0.1, "new", True),
        ("explore", 0.1, "not_added", False),
        ("repair", 0.1, "not_added", True),
        ("simplify", 0.69, "not_added", True),
        ("simplify", 0.6, "not_added", False),
        ("parameterise", 0.7, "not_added", True),
        ("parameterise", 0.5, "not_added", False),
    ],
)
def test_what_pays(desk: Any, operator: str, fitness: float, status: str, expected: bool) -> None:
    request = desk.request()  # its parent's fitness is 0.7
    feedback = desk.feedback(request, proposal(desk, "int a;", operator=operator), None, fitness)
    assert paid(replace(feedback, status=status)) is expected
    assert not paid(desk.feedback(request, proposal(desk, "int a;", operator=operator), WRONG))
