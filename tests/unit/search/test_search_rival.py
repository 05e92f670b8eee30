"""A record is measured again side by side with the one it wants to replace."""

from __future__ import annotations

from warploom.search.executor import LocalExecutor
from warploom.testing.synthetic import SyntheticJudge
from warploom.testing.world import World
from warploom.values.event import NotPromoted, Promoted
from warploom.values.job import Job
from warploom.values.outcome import Evaluation


class Remembering(SyntheticJudge):
    def __init__(self) -> None:
        super().__init__()
        self.again: list[Job] = []

    def evaluate(self, job: Job) -> Evaluation:
        if job.effort == "promote":
            self.again.append(job)
        else:
            assert job.rival is None
        return super().evaluate(job)


def test_the_promoted_best_is_the_rival_of_every_record(world: World) -> None:
    judge = Remembering()
    with world.begin(executor=LocalExecutor(judge), evaluations=60) as run:
        run.go()
    best: str | None = None
    settled = [event for event in world.events() if isinstance(event, Promoted | NotPromoted)]
    assert len(judge.again) == len(settled) > 1
    for job, event in zip(judge.again, settled, strict=True):
        assert (job.rival.id if job.rival else None) == best
        if isinstance(event, Promoted):
            best = event.candidate
    assert best is not None
