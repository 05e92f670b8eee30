from __future__ import annotations

import pytest

from warploom.propose.writing.about_failure import KINDS, evidence
from warploom.propose.writing.about_problem import RECIPES
from warploom.values import problem
from warploom.values.outcome import FAILURE_KINDS, Failed


def shown(message: str, stage: str = "verify", kind: str = "wrong_result") -> str:
    return evidence(Failed(stage, kind, message))


def test_a_held_out_workload_is_neither_named_nor_measured_by_its_elements() -> None:
    message = (
        "held-out workload 3 of 5 (wide values): output 'out': element 37850 is 1.5, expected 2.5 ± 1e-06 "
        "(37851 of 42271 near it are off)"
    )
    assert shown(message) == (
        "on a shape that is not shown, values over many magnitudes: output 'out': an element is 1.5, "
        "expected 2.5 ± 1e-06 (most of those near it, too)"
    )


@pytest.mark.parametrize(
    ("counts", "words"),
    [("(as were 41 of 41 near it)", "all"), ("(3 of 41 differ)", "some"), ("(40 of 41 near it are off)", "most")],
)
def test_counts_become_words(counts: str, words: str) -> None:
    text = shown(f"held-out workload 1 of 1 (normal values): output 'out': element 7 was never written {counts}")
    assert "41" not in text
    assert "7" not in text
    assert f"({words} of those near it, too)" in text
    assert text.startswith("on a shape that is not shown: ")


def test_a_crash_among_held_out_workloads_says_no_more() -> None:
    assert shown("one of the held-out workloads: ended by SIGSEGV", kind="crash") == (
        "on a shape that is not shown: ended by SIGSEGV"
    )


def test_a_timed_workload_is_shown_whole() -> None:
    message = "workload rows=4,cols=8: output 'out': element 3 is 1.5, expected 2.5 ± 1e-06 (9 of 32 near it are off)"
    assert shown(message) == message
    stressed = "workload rows=4,cols=8 with large values: output 'out': element 3 is inf, expected 2.5"
    assert "rows=4,cols=8 with very large values: output" in shown(stressed)


def test_how_the_judge_watches_is_not_told() -> None:
    watched = shown(
        "workload rows=4, timed: call 3 of a block had written before call 2 was done", "time", "unwritten_output"
    )
    assert "block" not in watched
    fast = shown("workload rows=4: the work of a call took 1 µs, this machine needs at least 9 µs", "time", "too_fast")
    assert "µs" not in fast


def test_every_kind_of_failure_and_of_values_has_words() -> None:
    assert set(KINDS) == set(FAILURE_KINDS)
    assert set(RECIPES) == set(problem.RECIPES)
