from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import anyio
import pytest

from warploom.archive import journal as journals
from warploom.archive.islands import Archive
from warploom.errors import JournalError, NothingToPropose, SourceError
from warploom.search.best.promotion import promote_every
from warploom.search.executor import LocalExecutor, RecordedExecutor
from warploom.search.loop import MOST_DECLINED
from warploom.testing.synthetic import SyntheticJudge, SyntheticProposer, synthetic_candidate, synthetic_evaluation
from warploom.testing.world import Killed, World, kill_after
from warploom.values.candidate import Lineage, Proposal
from warploom.values.event import (
    Asked,
    Declined,
    Evaluated,
    Event,
    Migrated,
    NotPromoted,
    Promoted,
    Proposed,
    RunEnded,
    RunResumed,
    RunStarted,
)
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed
from warploom.values.request import Feedback, Request


def happened(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, RunResumed)]


def test_the_seed_comes_first_and_every_attempt_counts(world: World) -> None:
    with world.begin(evaluations=40) as run:
        summary = run.go()
    events = world.events()
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[1], Asked)
    assert events[1].operator == "seed"
    assert isinstance(events[-1], RunEnded)
    assert summary.evaluations == len(evaluated) == 40
    assert summary.failures == Counter(event.outcome for event in evaluated if event.outcome != "passed")
    assert summary.failures["wrong_result"] > 0
    assert summary.ended == "40 evaluations done"
    assert summary.speedup["eager"][0] > 1.5
    assert summary.best


@pytest.mark.parametrize("strategy", ["islands", "greedy", "random"])
@pytest.mark.parametrize("in_flight", [1, 4])
def test_the_same_seed_gives_the_same_events_whatever_the_timing(world: World, strategy: str, in_flight: int) -> None:
    def seconds(job: Job) -> float:
        return random.uniform(0.0, 0.004)

    for name in ("one", "two"):
        executor = LocalExecutor(SyntheticJudge(0.1, seconds), in_flight)
        with world.begin(name, executor=executor, strategy=strategy, in_flight=in_flight, seed=5) as run:
            run.go()
    assert world.events("one") == world.events("two")


def test_another_seed_gives_another_run(world: World) -> None:
    for seed in (1, 2):
        with world.begin(f"run{seed}", seed=seed) as run:
            run.go()
    candidates = [{e.candidate for e in world.events(name) if isinstance(e, Proposed)} for name in ("run1", "run2")]
    assert candidates[0] != candidates[1]


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_recorded_run_replays_event_for_event(world: World, in_flight: int) -> None:
    with world.begin("first", in_flight=in_flight) as run:
        run.go()
    with (
        journals.read(world.root / "first") as recorded,
        world.begin("again", in_flight=in_flight, executor=RecordedExecutor.of(recorded)) as run,
    ):
        run.go()
    assert world.events("again") == world.events("first")


def test_a_record_refuses_what_was_never_measured(world: World) -> None:
    with world.begin("first", evaluations=20) as run:
        run.go()
    with (
        journals.read(world.root / "first") as recorded,
        world.begin("longer", evaluations=30, executor=RecordedExecutor.of(recorded)) as run,
        pytest.raises(JournalError, match="never measured"),
    ):
        run.go()


@pytest.mark.parametrize(("in_flight", "every"), [(1, 500), (3, 7)])
def test_a_run_killed_anywhere_goes_on_to_the_same_end(world: World, in_flight: int, every: int) -> None:
    """Killed after each number of events, resumed with new objects: the same events as one that was never killed."""
    with world.begin("whole", in_flight=in_flight, evaluations=24, islands=2) as run:
        whole_summary = run.go()
    whole = world.events("whole")
    for count in range(1, len(whole), 17):
        name = f"killed{count}"
        judge = SyntheticJudge(0.1)
        with (
            world.begin(
                name, in_flight=in_flight, evaluations=24, islands=2, every=every, executor=LocalExecutor(judge, 4)
            ) as run,
            pytest.raises(Killed),
        ):
            run.go(kill_after(count))
        with world.go_on(name, every=every, executor=LocalExecutor(judge, 4)) as run:
            summary = run.go()
        assert happened(world.events(name)) == whole, f"killed after {count} events"
        assert summary.best == whole_summary.best
        again = [job for job, times in Counter(judge.jobs).items() if times > 1]
        assert len(again) <= in_flight, "what was known was judged again"


def test_killed_again_and_again(world: World) -> None:
    with world.begin("whole", in_flight=2, evaluations=30) as run:
        run.go()
    with world.begin("killed", in_flight=2, every=10, evaluations=30) as run, pytest.raises(Killed):
        run.go(kill_after(3))
    for count in range(60):
        with world.go_on("killed", every=10) as run:
            try:
                run.go(kill_after(4 + count % 31))
            except Killed:
                continue
            break
    assert happened(world.events("killed")) == world.events("whole")


def test_a_run_that_ended_stays_ended(world: World) -> None:
    with world.begin(evaluations=10) as run:
        first = run.go()
    before = world.events()
    judge = SyntheticJudge()
    with world.go_on(executor=LocalExecutor(judge)) as run:
        assert run.go() == first
    assert world.events() == before
    assert judge.jobs == []


def test_known_candidates_are_declined_and_cost_nothing(world: World) -> None:
    class Stubborn(SyntheticProposer):
        async def propose(self, request: Request) -> Proposal:
            if request.number % 2:
                return Proposal(synthetic_candidate(), Lineage((), "synthetic"))
            return await super().propose(request)

    judge = SyntheticJudge()
    with world.begin(proposer=Stubborn(), executor=LocalExecutor(judge), evaluations=20) as run:
        summary = run.go()
    declined = [event for event in world.events() if isinstance(event, Declined)]
    assert summary.evaluations == 20
    assert len(declined) >= 19
    assert {event.reason for event in declined} == {"duplicate"}
    assert max(Counter(judge.jobs).values()) == 1


def test_a_run_with_nothing_left_to_propose_ends_and_says_so(world: World) -> None:
    class Dry(SyntheticProposer):
        async def propose(self, request: Request) -> Proposal:
            raise NothingToPropose("dry")

    with world.begin(proposer=Dry()) as run:
        summary = run.go()
    assert summary.evaluations == 1
    assert summary.ended == f"nothing new to propose in {MOST_DECLINED} requests"
    assert summary.best == synthetic_candidate().id, "the seed is the best there is"


def test_declines_reach_strategy_and_proposer(world: World) -> None:
    class Dry(SyntheticProposer):
        async def propose(self, request: Request) -> Proposal:
            raise NothingToPropose("dry")

    proposer = Dry()
    with world.begin(proposer=proposer) as run:
        declined: list[Request] = []
        told: list[Request] = []
        run.state.strategy.declined = declined.append  # type: ignore[method-assign,assignment]
        proposer.declined = told.append  # type: ignore[method-assign,assignment]
        run.go()
    assert len(declined) == MOST_DECLINED
    assert told == declined


def test_strategy_and_proposer_are_told_the_same_of_everything(world: World) -> None:
    proposer = SyntheticProposer()
    heard: list[tuple[str, Feedback]] = []
    proposer.tell = lambda feedback: heard.append(("proposer", feedback))  # type: ignore[method-assign]
    with world.begin(proposer=proposer, evaluations=25) as run:
        run.state.strategy.tell = lambda feedback: heard.append(("strategy", feedback))  # type: ignore[method-assign]
        run.go()
    told = [feedback for who, feedback in heard if who == "proposer"]
    assert told == [feedback for who, feedback in heard if who == "strategy"]
    assert [feedback.status for feedback in told] == [e.status for e in world.events() if isinstance(e, Evaluated)]
    assert any(isinstance(feedback.evaluation, Failed) for feedback in told)
    assert all(feedback.cost_seconds > 0 for feedback in told)
    assert told[0].best_before is None
    assert told[5].best_before is not None
    assert all(feedback.parent_fitness is not None for feedback in told[1:])


def test_a_seed_that_fails_is_one_clear_line(world: World) -> None:
    class Harsh(SyntheticJudge):
        def evaluate(self, job: Job) -> Evaluation:
            return Failed("build", "compile_error", "expected ';'")

    with world.begin(executor=LocalExecutor(Harsh())) as run, pytest.raises(SourceError, match="expected ';'"):
        run.go()
    assert world.events()[-1] == RunEnded("the starting source failed")


class Flattering(SyntheticJudge):
    """Shows every candidate 1.5 times as fast as it is when it only screens."""

    def evaluate(self, job: Job) -> Evaluation:
        evaluation = super().evaluate(job)
        if job.effort == "promote" or isinstance(evaluation, Failed):
            return evaluation
        slow = synthetic_evaluation(job.candidate, pairs=5)
        assert not isinstance(slow, Failed)
        timing = slow.timings[0]
        flattered = type(timing)(
            timing.workload, "eager", tuple(sample / 1.5 for sample in timing.samples_ns), timing.reference_samples_ns
        )
        return replace(slow, timings=(flattered,))


def test_promotion_needs_a_second_measurement(world: World) -> None:
    judge = Flattering()
    with world.begin(executor=LocalExecutor(judge), evaluations=40) as run:
        summary = run.go()
        best = run.state.archive.champion
    events = world.events()
    measured = [candidate for candidate, effort in judge.jobs if effort == "promote"]
    settled = [event.candidate for event in events if isinstance(event, Promoted | NotPromoted)]
    assert measured == settled
    assert len(set(measured)) == len(measured), "nobody is measured again twice"
    assert best is not None, "the champion stays, whoever sits in its cell with a flattering screen"
    assert best.candidate.id == summary.best
    assert best.fitness == pytest.approx([e.fitness for e in events if isinstance(e, Promoted)][-1])
    for before, after in zip(*[[e for e in events if isinstance(e, Promoted)][i:] for i in (0, 1)], strict=False):
        assert after.fitness > before.fitness


def test_records_are_measured_again_now_and_then_not_each_time(world: World) -> None:
    with world.begin(evaluations=60) as run:
        run.go()
    every = since = promote_every(60)
    for event in world.events()[:-8]:
        if isinstance(event, Evaluated):
            since += 1
        elif isinstance(event, Promoted | NotPromoted):
            assert since >= every
            since = 0


@pytest.mark.parametrize(("evaluations", "every"), [(10, 6), (150, 15), (100000, 50)])
def test_how_often_fits_the_budget(evaluations: int, every: int) -> None:
    assert promote_every(evaluations) == every


def test_one_that_fails_when_measured_again_leaves_the_archive(world: World) -> None:
    class Moody(SyntheticJudge):
        def evaluate(self, job: Job) -> Evaluation:
            if job.effort == "promote":
                return Failed("verify", "nondeterministic", "differs")
            return super().evaluate(job)

    with world.begin(executor=LocalExecutor(Moody()), evaluations=30) as run:
        summary = run.go()
        members = {one.candidate.id for one in run.state.archive.everyone()}
    refused = {event.candidate for event in world.events() if isinstance(event, NotPromoted)}
    assert refused
    assert not refused & members
    assert summary.best == ""


def test_islands_exchange_their_best_at_the_interval(world: World) -> None:
    with world.begin(islands=3, evaluations=60) as run:
        interval = run.state.archive.interval
        run.go()
    done = 0
    at = []
    for event in world.events():
        done += isinstance(event, Evaluated)
        if isinstance(event, Migrated):
            at.append(done)
    assert at == list(range(interval, 61, interval))


def test_an_evaluation_is_durable_before_its_turn(world: World) -> None:
    """The first candidate hangs; those behind it are judged, and killed then: nothing of theirs is judged again."""
    gate = anyio.Event
    stuck: list[str] = []

    class Slow(LocalExecutor):
        async def submit(self, job: Job) -> Evaluation:
            if len(judge.jobs) >= 1 and not stuck:
                stuck.append(job.candidate.id)
                await gate().wait()
            evaluation = await super().submit(job)
            if len(judge.jobs) == 4:
                with anyio.CancelScope(shield=True):
                    while kept() < 3:
                        await anyio.sleep(0.01)
                raise Killed
            return evaluation

    def kept() -> int:
        with journals.read(world.root / "run") as journal:
            return sum(journal.evaluation(candidate) is not None for candidate, _ in judge.jobs)

    judge = SyntheticJudge()
    with world.begin(in_flight=4, executor=Slow(judge, 1), evaluations=30) as run, pytest.raises(Killed):
        run.go()
    known = [candidate for candidate, _ in judge.jobs]
    with journals.read(world.root / "run") as journal:
        durable = [candidate for candidate in known if journal.evaluation(candidate)]
    assert len(durable) >= 3
    with world.go_on(executor=LocalExecutor(judge, 4)) as run:
        run.go()
    assert all(times == 1 for (candidate, _), times in Counter(judge.jobs).items() if candidate in durable)


def test_the_strategy_consults_the_archive(world: World) -> None:
    """An archive that no sampler reads would show here: all parents would be the seed."""
    with world.begin(evaluations=60) as run:
        run.go()
        assert isinstance(run.state.archive, Archive)
    parents = Counter(
        event.parents[0].candidate for event in world.events() if isinstance(event, Asked) and event.parents
    )
    assert len(parents) > 5
