"""A best that was measured while others were at work is measured once more before the run ends."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from warploom.archive import journal as journals
from warploom.archive.integrity import inspect
from warploom.archive.remeasured import remeasured
from warploom.errors import JournalError
from warploom.judge.machine.busy import DISTURBED_SHARE, disturbed
from warploom.report.candidate import find_candidate
from warploom.report.html.figures.speedup import Climb
from warploom.report.html.history import History, standing_trial
from warploom.report.html.stages import stages
from warploom.report.standing import RunReport
from warploom.report.ui.compare import Course, compare
from warploom.report.ui.followed import Followed
from warploom.search.executor import LocalExecutor, RecordedExecutor
from warploom.search.sitting import Summary
from warploom.search.suite.row import Row, read_run
from warploom.testing.synthetic import SyntheticJudge, synthetic_evaluation
from warploom.testing.world import Killed, World, kill_after
from warploom.values.event import NotPromoted, Promoted, RunResumed
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed

FLATTERED = 2.0
"""Times the speed that a promotion shows while others are at work."""

Later = Callable[[Job], tuple[float, bool]]
"""Of the second promotion of a candidate: how busy the machine is, and whether the kernel is right."""


class Restless(SyntheticJudge):
    """Its machine is half at work for others during the first promotion of each candidate; what comes then is given."""

    def __init__(self, later: Later, first: float = 0.5) -> None:
        super().__init__()
        self._later, self._first = later, first
        self.promotions: Counter[str] = Counter()
        self._lock = threading.Lock()

    def evaluate(self, job: Job) -> Evaluation:
        found = super().evaluate(job)
        if job.effort == "screen" or not isinstance(found, Passed):
            return found
        with self._lock:
            self.promotions[job.candidate.id] += 1
            again = self.promotions[job.candidate.id] > 1
        busy, right = self._later(job) if again else (self._first, True)
        if not right:
            return Failed("verify", "wrong_result", "it was luck")
        if job.rival is not None:
            rival = synthetic_evaluation(job.rival, effort="promote")
            assert isinstance(rival, Passed)
            beside = replace(found.timings[0], baseline="incumbent", reference_samples_ns=rival.timings[0].samples_ns)
            found = replace(found, timings=(*found.timings, beside))
        if disturbed({"busy": busy}):
            slowed = (
                replace(one, reference_samples_ns=tuple(FLATTERED * ns for ns in one.reference_samples_ns))
                for one in found.timings
            )
            found = replace(found, timings=tuple(slowed))
        took = {"time": 501_000_000} if again else found.elapsed_ns
        return replace(found, environment={**found.environment, "busy": busy}, elapsed_ns=took)


def go(world: World, judge: SyntheticJudge, evaluations: int = 60) -> Summary:
    with world.begin(executor=LocalExecutor(judge, 1), evaluations=evaluations) as run:
        return run.go()


def settled(world: World) -> list[Promoted | NotPromoted]:
    return [event for event in world.events() if isinstance(event, Promoted | NotPromoted)]


def claimed(world: World) -> dict[str, object]:
    found: dict[str, object] = json.loads((world.root / "run" / "best" / "evidence.json").read_text())
    return found


def calm(job: Job) -> tuple[float, bool]:
    return 0.02, True


@pytest.mark.parametrize(
    ("stated", "share"), [({}, 0.0), ({"busy": None}, 0.0), ({"busy": DISTURBED_SHARE}, 0.0), ({"busy": 0.4}, 0.4)]
)
def test_what_counts_as_disturbed(stated: dict[str, object], share: float) -> None:
    assert disturbed(stated) == share


def test_the_best_shows_what_a_calm_machine_shows(world: World) -> None:
    judge = Restless(calm)
    summary = go(world, judge)
    *_, first, last = [event for event in settled(world) if event.candidate == summary.best]
    assert isinstance(first, Promoted)
    assert isinstance(last, Promoted)
    assert first.fitness == pytest.approx(last.fitness + math.log(FLATTERED), abs=0.02)
    assert summary.speedup["eager"][0] == pytest.approx(math.exp(last.fitness))
    assert claimed(world)["speedup"]["eager"]["median"] == summary.speedup["eager"][0]  # type: ignore[index]
    assert judge.promotions[summary.best] == 2
    with journals.read(world.root / "run") as journal:
        before, newest = journal.evaluation(summary.best, "promote"), journal.evaluation(summary.best, "again")
        assert before is not None, "the first measurement is kept beside the second"
        assert before.environment["busy"] == 0.5
        assert newest is not None
        assert newest.environment["busy"] == 0.02
        assert remeasured(journal, summary.best) == newest
        history = History(journal)
        spent = stages(journal, history.judged, history.trials, 1000.0).again
        assert sum(spent.values()) == pytest.approx(1e-3 * len(history.trials) + 0.5), "each trial its own time"
        standing = RunReport(journal)
        assert standing.passed == newest
    inspect(world.root / "run")


def test_on_a_calm_machine_nothing_is_measured_twice(world: World) -> None:
    judge = Restless(calm, first=0.02)
    go(world, judge)
    assert set(judge.promotions.values()) == {1}


def test_while_others_are_still_at_work_what_stands_stays(world: World) -> None:
    judge = Restless(lambda job: (0.7, True))
    summary = go(world, judge)
    assert judge.promotions[summary.best] == 2
    assert len([event for event in settled(world) if event.candidate == summary.best]) == 1
    assert claimed(world)["claim"]["busy"] == 0.5  # type: ignore[index]


def test_a_little_less_disturbed_is_a_little_better(world: World) -> None:
    summary = go(world, Restless(lambda job: (0.2, True)))
    assert len([event for event in settled(world) if event.candidate == summary.best]) == 2
    assert claimed(world)["claim"]["busy"] == 0.2  # type: ignore[index]


def test_what_fails_then_gives_its_place_back(world: World) -> None:
    """Also to those who look: standing, story and figures name the best before it."""
    failed: list[str] = []

    def once(job: Job) -> tuple[float, bool]:
        failed.append(job.candidate.id)
        return 0.02, len(failed) > 1

    summary = go(world, Restless(once))
    events = settled(world)
    refused = next(event for event in events if isinstance(event, NotPromoted) and event.candidate == failed[0])
    assert "it was luck" in refused.reason
    earlier = [event for event in events[: events.index(refused)] if isinstance(event, Promoted)]
    assert earlier[-1].candidate == failed[0]
    assert summary.best == earlier[-2].candidate != failed[0]
    assert events[events.index(refused) + 1] == earlier[-2], "it is said again, so that the newest promotion stands"
    assert failed[1] == summary.best, "of which the same is asked"
    assert claimed(world)["candidate"] == summary.best
    with journals.read(world.root / "run") as journal:
        assert find_candidate(journal, "best") == summary.best
        assert RunReport(journal).best == summary.best
        history = History(journal)
        assert history.best is not None
        assert history.best.candidate == summary.best
        assert failed[0] not in {one.candidate.id for one in RunReport(journal).archive.elites()}
    with world.go_on() as run:
        assert run.go().best == summary.best


def test_with_no_best_before_nothing_stands(world: World) -> None:
    summary = go(world, Restless(lambda job: (0.02, False)), evaluations=1)
    assert summary.best == ""
    assert not (world.root / "run" / "best").exists()
    with journals.read(world.root / "run") as journal:
        with pytest.raises(JournalError, match="no promoted kernel"):
            find_candidate(journal, "best")
        assert RunReport(journal).best == ""
        history = History(journal)
        assert history.best is None
        assert standing_trial(history.trials) is None
        assert Climb(history.judged, history.records, history.trials, 0.0, None).best is None
        drawn = compare([Course("run", history.records, history.trials, 1)], 800)
        assert drawn is not None
        assert "promoted at" not in drawn.markup()
        assert not any(history.filling.now.islands)
        assert RunReport(journal).archive.champion is None
    row = read_run(Row("1", "twice", ""), world.root / "run", None)
    assert row.reason
    assert not row.speedup


@pytest.mark.parametrize("later", [calm, lambda job: (0.6, True)], ids=["calm", "busy"])
def test_a_record_answers_with_what_was_measured_then(world: World, later: Later) -> None:
    go(world, Restless(later))
    with journals.read(world.root / "run") as recorded:
        with world.begin("again", executor=RecordedExecutor.of(recorded)) as run:
            run.go()
        assert world.events("again") == world.events()
        with (
            pytest.raises(Killed),
            world.begin("killed", executor=RecordedExecutor.of(recorded), every=1) as run,
        ):
            run.go(kill_after(len(world.events()) - 3))
        with world.go_on("killed", executor=RecordedExecutor.of(recorded)) as run:
            run.go()
        told = [event for event in world.events("killed") if not isinstance(event, RunResumed)]
        assert told == world.events()


def test_a_run_that_breaks_off_before_does_it_when_it_goes_on(world: World) -> None:
    whole = World(world.root / "whole")
    whole.root.mkdir()
    go(whole, Restless(calm))
    rivals: list[str] = []

    def noted(job: Job) -> tuple[float, bool]:
        rivals.append(job.rival.id if job.rival else "")
        return calm(job)

    judge = Restless(noted)
    with pytest.raises(Killed), world.begin(executor=LocalExecutor(judge, 1), every=1) as run:
        run.go(kill_after(len(whole.events()) - 3))
    assert set(judge.promotions.values()) == {1}
    *_, before, broken = [event for event in settled(world) if isinstance(event, Promoted)]
    looked = Followed(world.root / "run")
    assert looked.passed is not None
    assert looked.passed.environment["busy"] == 0.5
    with world.go_on(executor=LocalExecutor(judge, 1)) as run:
        best = run.go().best
    assert judge.promotions[best] == 2
    assert rivals == [before.candidate if best == broken.candidate else broken.candidate], "as the snapshot says"
    assert claimed(world)["claim"]["busy"] == 0.02  # type: ignore[index]
    looked.look()
    assert looked.passed.environment["busy"] == 0.02, "who looks meanwhile sees it too"
    assert any(news.words.startswith("measured once more, on a calmer machine: ") for news in looked.history.news)
    with world.go_on(executor=LocalExecutor(judge, 1)) as run:
        assert run.go().best == best
    assert judge.promotions[best] == 2, "and not once more"
