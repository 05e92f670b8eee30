"""Only what the judge minted for the job moves a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from warploom.archive import journal as journals
from warploom.archive.encode import pack_evaluation, to_plain, unpack_evaluation
from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.search.executor import LocalExecutor
from warploom.testing.synthetic import SyntheticJudge, synthetic_candidate, synthetic_evaluation
from warploom.testing.world import World
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.event import Evaluated, NotPromoted, Promoted, Proposed, RunStarted
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Passed

SEED = synthetic_candidate()
GOOD = synthetic_candidate((3, 5, 7, 9, 1, 3))


class Faithless(SyntheticJudge):
    """Answers some jobs with an evaluation that is not theirs."""

    def __init__(self, swap: Callable[[Job, Evaluation], Evaluation]) -> None:
        super().__init__()
        self._swap = swap

    def evaluate(self, job: Job) -> Evaluation:
        return self._swap(job, super().evaluate(job))


def test_the_evaluation_of_another_candidate_is_a_failure(world: World) -> None:
    def swap(job: Job, evaluation: Evaluation) -> Evaluation:
        return evaluation if job.candidate.id == SEED.id else synthetic_evaluation(GOOD, effort=job.effort)

    with world.begin(executor=LocalExecutor(Faithless(swap)), evaluations=8) as run:
        run.go()
    told = [event for event in world.events() if isinstance(event, Evaluated)]
    assert told[0].outcome == "passed"
    assert {event.outcome for event in told[1:]} == {"rejected"}
    assert all(GOOD.id in event.message for event in told[1:])


def test_a_promotion_that_nobody_minted_is_none(world: World) -> None:
    def swap(job: Job, evaluation: Evaluation) -> Evaluation:
        if job.effort == "promote" and isinstance(evaluation, Passed):
            return replace(evaluation, mint=None)
        return evaluation

    with world.begin(executor=LocalExecutor(Faithless(swap)), evaluations=20) as run:
        summary = run.go()
    assert summary.best == ""
    verdicts = [event for event in world.events() if isinstance(event, Promoted | NotPromoted)]
    assert verdicts
    assert all(isinstance(event, NotPromoted) and "no judge minted it" in event.reason for event in verdicts)


def test_the_journal_keeps_no_evaluation_under_a_foreign_name(world: World) -> None:
    with journals.create(world.root / "run", RunStarted({}, {"name": "twice"}, {}, "0")) as journal:
        propose(journal, SEED)
        evaluation = synthetic_evaluation(SEED)
        assert isinstance(evaluation, Passed)
        for foreign in (synthetic_evaluation(GOOD), replace(evaluation, mint=None)):
            with pytest.raises(JournalError, match="no judge minted"):
                journal.keep(SEED.id, foreign)
        journal.keep(SEED.id, evaluation)
        assert journal.evaluation(SEED.id) == evaluation


def test_a_record_from_before_there_were_mints_is_still_read() -> None:
    evaluation = synthetic_evaluation(SEED)
    assert isinstance(evaluation, Passed)
    assert unpack_evaluation(pack_evaluation(evaluation)) == evaluation
    older = {name: value for name, value in to_plain(evaluation).items() if name != "mint"}
    assert unpack_evaluation(pack_older(older)) == replace(evaluation, mint=None)


def propose(journal: Journal, candidate: Candidate) -> None:
    journal.append(Proposed(0, candidate.id, "seed", "", ""), proposal=Proposal(candidate, Lineage()))


def pack_older(plain: dict[str, object]) -> bytes:
    return pack_evaluation(plain)  # type: ignore[arg-type]  # already JSON values
