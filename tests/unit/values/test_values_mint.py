from __future__ import annotations

from dataclasses import replace

import pytest

from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation
from warploom.values.job import Job
from warploom.values.mint import counted, refusal
from warploom.values.outcome import Failed, Mint, Passed

CANDIDATE = synthetic_candidate()
JOB = Job(CANDIDATE, CANDIDATE.problem)


def passed() -> Passed:
    evaluation = synthetic_evaluation(CANDIDATE)
    assert isinstance(evaluation, Passed)
    return evaluation


def minted() -> Mint:
    mint = passed().mint
    assert mint is not None
    return mint


def test_what_the_judge_minted_for_the_job_counts() -> None:
    assert refusal(JOB, passed()) == ""
    assert counted(JOB, passed()) == passed()
    failure = Failed("build", "compile_error", "nonsense")
    assert counted(JOB, failure) is failure


@pytest.mark.parametrize("name", ["candidate", "artifact", "problem", "baseline", "judge"])
def test_nothing_unknown_counts(name: str) -> None:
    reason = refusal(JOB, replace(passed(), mint=replace(minted(), **{name: ""})))
    assert name in reason
    assert "unknown" in reason


@pytest.mark.parametrize("name", ["candidate", "artifact", "problem"])
def test_nothing_made_from_something_else_counts_and_both_hashes_are_named(name: str) -> None:
    found = counted(JOB, replace(passed(), mint=replace(minted(), **{name: "f00d"})))
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("judge", "rejected")
    assert f"{name} f00d" in found.message
    assert str(getattr(minted(), name)) in found.message


def test_an_evaluation_that_nobody_minted_does_not_count() -> None:
    assert "no judge minted it" in refusal(JOB, replace(passed(), mint=None))
