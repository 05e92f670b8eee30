"""Runs whose proposals come from outside, with a judge and a scribe that cost microseconds."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import FILE, LOCK, Patience
from warploom.archive.integrity import inspect
from warploom.archive.journal import Journal
from warploom.errors import JournalError, SourceError
from warploom.search.agents.asktell import AgentRun, Wiring
from warploom.search.executor import LocalExecutor
from warploom.search.sitting import Parts
from warploom.search.steering.inbox import Command, send
from warploom.search.strategies.opening import OPENING
from warploom.testing.synthetic import (
    SyntheticJudge,
    SyntheticProposer,
    genes_of,
    synthetic_candidate,
    synthetic_evaluation,
    synthetic_fitness,
)
from warploom.testing.world import Killed, World
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.event import Asked, Declined, Evaluated, Promoted, Proposed, RunEnded, RunResumed, Steered
from warploom.values.exchange import Message
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed
from warploom.values.request import Feedback, Request


class Scribe:
    """Its answers are genes: "1 2 3 4 5 6"."""

    name = "scribe"

    def __init__(self) -> None:
        self.told: list[str] = []

    async def propose(self, request: Request) -> Proposal:
        raise AssertionError("a scribe is not asked")

    def prepare(self, request: Request) -> tuple[str, tuple[Message, ...]]:
        parent = request.parents[0].candidate.id
        return "improve", (Message("system", "You know genes."), Message("user", f"improve {parent}; {self.told}"))

    def receive(
        self, request: Request, operator: str, answer: str, *, proposer: str = "agent", prompt: str = ""
    ) -> Proposal:
        if "?" in answer:
            raise SourceError("no genes in it")
        genes = tuple(int(word) for word in answer.split())
        lineage = Lineage((request.parents[0].candidate.id,), proposer, operator, prompt=prompt)
        return Proposal(synthetic_candidate(genes), lineage)

    def tell(self, feedback: Feedback) -> None:
        self.told.append(feedback.proposal.candidate.id)

    def declined(self, request: Request) -> None:
        pass

    def snapshot(self) -> dict[str, Any]:
        return {"told": list(self.told)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.told = list(state["told"])


class Broken:
    """A judge whose process is killed."""

    def evaluate(self, job: Job) -> Evaluation:
        raise Killed(job.candidate.id)

    def close(self) -> None:
        pass


def opened(folder: Path, judge: Any = None, patience: Patience | None = None) -> AgentRun:
    """The run of a folder with new objects, as another process has it."""

    def parts() -> Parts:
        return Parts(LocalExecutor(judge or SyntheticJudge()), lambda _: SyntheticProposer(), {"machine": "here"})

    def proposer(environment: Mapping[str, Any], journal: Journal) -> SyntheticProposer:
        return SyntheticProposer()

    wiring = Wiring(synthetic_candidate(), parts, proposer, lambda _, __: Scribe(), lambda _: "twice x")
    return AgentRun(folder, wiring, patience=patience or Patience(20))


@pytest.fixture
def folder(world: World) -> Path:
    with world.begin(evaluations=30, islands=1):
        pass
    return world.root / "run"


def events(folder: Path) -> list[Any]:
    with journals.read(folder) as journal:
        return list(journal.events())


def candidate(answer: str) -> Candidate:
    return synthetic_candidate(tuple(int(word) for word in answer.split()))


GOOD, BETTER, BEST = "2 4 6 8 0 2", "3 5 7 8 0 2", "3 5 7 9 1 3"


def test_an_answer_goes_through_the_run_as_any_proposal(folder: Path) -> None:
    with opened(folder) as run:
        request = run.ask()
        assert request.id == 1
        assert request.operator == "improve"
        assert synthetic_candidate().id in request.prompt
        assert "You know genes." in request.prompt
        reply = run.tell(request.id, BEST)
        status = run.status()
        assert status["open"] == []
        assert run.best()["source"] == candidate(BEST).source
        assert run.describe() == "twice x"
    assert reply.passed
    assert reply.promoted
    assert reply.candidate == candidate(BEST).id == status["best"]
    assert reply.status in ("new", "improved")
    assert reply.speedup["eager"].median == pytest.approx(pow(2.718281828, synthetic_fitness((3, 5, 7, 9, 1, 3))), 0.02)
    assert set(reply.workloads) == {"n=1024"}
    own, eager = reply.call_ms["n=1024"]
    assert eager / own == pytest.approx(reply.workloads["n=1024"].median, 0.02)
    assert eager == pytest.approx(1.0, 0.02)
    assert reply.parent_speedup == pytest.approx(request.parent_speedup)
    kinds = [type(event).__name__ for event in events(folder)]
    assert kinds == [
        "RunStarted",
        *("RunResumed", "Asked", "Proposed", "Evaluated"),
        *("Asked", "Proposed", "Evaluated", "Promoted"),
    ]
    with journals.read(folder) as journal:
        proposal = journal.proposal(reply.candidate)
        said = journal.conversations.find(proposal.lineage.prompt)
        assert proposal.lineage.proposer == "agent"
        assert said is not None
        assert said.answer == BEST
        assert said.messages == request.messages
        assert journal.conversations.spending.requests == 0
    inspect(folder)


def test_what_was_made_of_a_failure_is_not_set_beside_another_kernel(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mended(self: Scribe, request: Request, operator: str, answer: str, **named: str) -> Proposal:
        known = {synthetic_candidate().id, candidate(GOOD).id} - {request.parents[0].candidate.id}
        return Proposal(candidate(answer), Lineage((known.pop(),), "agent", "repair", prompt=named["prompt"]))

    with opened(folder) as run:
        assert run.tell(run.ask().id, GOOD).parent_speedup is not None
        monkeypatch.setattr(Scribe, "receive", mended)
        assert run.tell(run.ask().id, BETTER).parent_speedup is None


def test_from_the_first_answer_that_passes_there_is_a_best(folder: Path) -> None:
    worse = "0 0 0 0 0 9"
    with opened(folder) as run:
        run.tell(run.ask().id, worse)
        assert run.status()["best"] is not None
        assert run.best()["source"] in (synthetic_candidate().source, candidate(worse).source)
    promoted = [event.candidate for event in events(folder) if isinstance(event, Promoted)]
    elite = max((synthetic_candidate(), candidate(worse)), key=lambda one: synthetic_fitness(genes_of(one)))
    assert promoted == [elite.id]


def test_the_sitting_of_a_judge_is_noted_once(folder: Path) -> None:
    with opened(folder) as run:
        for answer in (GOOD, BETTER):
            run.tell(run.ask().id, answer)
    sittings = [event for event in events(folder) if isinstance(event, RunResumed)]
    assert [event.environment for event in sittings] == [{"machine": "here"}]


def test_any_number_is_open_over_processes_and_told_in_any_order(folder: Path) -> None:
    requests = []
    for _ in range(4):
        with opened(folder) as run:
            requests.append(run.ask())
    assert [request.id for request in requests] == [1, 2, 3, 4]
    for request, answer in zip(reversed(requests), (GOOD, BETTER, BEST), strict=False):
        with opened(folder) as run:
            assert run.ask(request.id) == request
            assert run.tell(request.id, answer).passed
    with opened(folder) as run:
        assert run.status()["open"] == [1]
        assert run.status()["evaluations"] == 4
        assert run.ask().id == 5
    assert [event.number for event in events(folder) if isinstance(event, Evaluated)] == [0, 4, 3, 2]


def test_what_agents_told_is_known_to_later_steps(folder: Path) -> None:
    with opened(folder) as run:
        run.tell(run.ask().id, BEST)
    with opened(folder) as run:
        request = run.ask()
    assert request.parent == candidate(BEST).id, "the best is the parent of the next request"
    assert candidate(BEST).id in request.prompt, "the scribe learned of it"


def test_an_agent_does_not_go_through_the_opening(folder: Path) -> None:
    with opened(folder) as run:
        run.ask()
    asked = [event for event in events(folder) if isinstance(event, Asked)]
    assert asked[1].progress == OPENING > 1 / 30
    assert [event.outside for event in asked] == [False, True]


def test_a_prompt_that_was_never_handed_out_is_the_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(self: Scribe, request: Request) -> tuple[str, tuple[Message, ...]]:
        raise Killed

    with opened(folder) as run:
        first = run.ask()
        with monkeypatch.context() as patched:
            patched.setattr(Scribe, "prepare", killed)
            with pytest.raises(Killed):
                run.ask()
        assert first.id == 1
        assert run.ask().id == 2
        assert run.ask().id == 3


def test_an_answer_that_was_cut_off_is_finished_when_it_is_told_again(folder: Path) -> None:
    with opened(folder) as run:
        number = run.ask().id
    with opened(folder, Broken()) as run, pytest.raises(Killed):
        run.tell(number, GOOD)
    with opened(folder) as run:
        assert run.status()["open"] == [number]
        assert run.tell(number, GOOD).candidate == candidate(GOOD).id
    proposed = [event.candidate for event in events(folder) if isinstance(event, Proposed)]
    assert proposed.count(candidate(GOOD).id) == 1


def test_the_same_answer_again_is_the_same_reply_and_another_is_refused(folder: Path) -> None:
    with opened(folder) as run:
        number = run.ask().id
        first = run.tell(number, BEST)
        before = events(folder)
        again = run.tell(number, BEST)
        assert again.again
        assert not first.again
        assert (again.candidate, again.speedup, again.verdict) == (first.candidate, first.speedup, first.verdict)
        with pytest.raises(JournalError, match=f"request {number} was answered already, by {first.candidate}"):
            run.tell(number, GOOD)
        with pytest.raises(JournalError, match="is not open"):
            run.ask(number)
        with pytest.raises(JournalError, match="is not open"):
            run.tell(0, GOOD)
        with pytest.raises(JournalError, match="has no request 77; 'warploom ask"):
            run.tell(77, GOOD)
        with pytest.raises(JournalError, match="has no request -1"):
            run.tell(-1, GOOD)
    assert events(folder) == before


def test_an_answer_of_no_use_leaves_the_request_open(folder: Path) -> None:
    with opened(folder) as run:
        number = run.ask().id
        with pytest.raises(SourceError, match=f"request {number} is still open: no genes in it"):
            run.tell(number, "???")
        with pytest.raises(SourceError, match="the run knows this kernel already, as " + synthetic_candidate().id):
            run.tell(number, "0 0 0 0 0 0")
        assert run.tell(number, GOOD).passed
    with journals.read(folder) as journal:
        said = journal.conversations.of(number)
    assert [(one.answer, one.finish) for one in said] == [
        ("", "open"),
        ("???", "stop"),
        ("0 0 0 0 0 0", "stop"),
        (GOOD, "stop"),
    ]
    assert not [event for event in events(folder) if isinstance(event, Declined)]


def test_a_draft_is_judged_and_leaves_nothing(folder: Path) -> None:
    with opened(folder) as run:
        number = run.ask().id
        before = events(folder)
        draft = run.judge_draft(number, BEST)
        assert draft.passed
        assert draft.status == "draft"
        assert draft.speedup["eager"].median > 1
        with pytest.raises(SourceError, match="no genes"):
            run.judge_draft(number, "?")
        assert run.status()["open"] == [number]
    assert events(folder) == before
    with journals.read(folder) as journal:
        assert not journal.known(candidate(BEST).id)
        assert len(journal.conversations.of(number)) == 1


def test_a_failure_says_where_and_what_to_do_and_nothing_of_what_is_held_out(folder: Path) -> None:
    class Strict(SyntheticJudge):
        def evaluate(self, job: Job) -> Evaluation:
            if job.candidate.id != candidate(GOOD).id:
                return super().evaluate(job)
            message = "held-out workload 2 of 5 (tiny values): output 'out': element 4711 is 0 (3 of 9 near it are off)"
            return Failed("verify", "wrong_result", message, log_tail="I was called with n=4711")

    with opened(folder, Strict()) as run:
        reply = run.tell(run.ask().id, GOOD)
    assert not reply.passed
    assert (reply.status, reply.stage, reply.kind) == ("failed", "verify", "wrong_result")
    assert "remainder" in reply.advice
    assert "4711" not in str(reply.to_object())
    assert "held-out" not in str(reply.to_object())
    assert reply.log == ""


def test_a_starting_source_that_fails_is_said(world: World) -> None:
    class Failing(SyntheticJudge):
        def evaluate(self, job: Job) -> Evaluation:
            return Failed("build", "compile_error", "it is nonsense")

    with world.begin(evaluations=30):
        pass
    for _ in range(2):
        with opened(world.root / "run", Failing()) as run, pytest.raises(SourceError, match="failed: it is nonsense"):
            run.ask()


# ------------------------------------------------------------ beside a search


def test_an_agent_works_on_a_run_that_has_ended_and_the_search_goes_on_from_there(world: World) -> None:
    with world.begin(evaluations=20, islands=1) as search:
        search.go()
        told = search.state.proposer.snapshot()["told"]
    folder = world.root / "run"
    with opened(folder) as run:
        number = run.ask().id
        left = run.ask().id
        run.tell(number, BEST)
    assert not isinstance(events(folder)[-1], RunEnded)
    with world.go_on() as search:
        assert search.state.proposer.snapshot()["told"] == told + 1, "the run's own proposer learned of it"
        assert list(search.state.outside) == [left]
        summary = search.go()
    assert summary.evaluations == 21
    assert summary.best == candidate(BEST).id
    assert isinstance(events(folder)[-1], RunEnded)
    with opened(folder) as run:
        assert run.status()["open"] == [left], "the search leaves an agent's request alone"
        assert run.tell(left, GOOD).passed
    inspect(folder)


def test_a_search_that_goes_on_does_not_answer_for_an_agent(world: World) -> None:
    with world.begin(evaluations=20, in_flight=4, every=1):
        pass
    folder = world.root / "run"
    with opened(folder) as run:
        number = run.ask().id
    with world.go_on(every=1) as search:
        assert search.go().evaluations == 20
    answered = [event.number for event in events(folder) if isinstance(event, Proposed | Declined)]
    assert number not in answered
    assert len(set(answered)) == len(answered)


def test_the_same_state_comes_from_a_snapshot_and_from_all_events(folder: Path) -> None:
    with opened(folder) as run:
        for answer in (GOOD, BETTER, BEST):
            run.tell(run.ask().id, answer)
        left = run.ask()
        status = run.status()
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.execute("DELETE FROM snapshots")
        database.commit()
    with opened(folder) as run:
        assert run.status() == status
        assert run.ask(left.id) == left


# ------------------------------------------------------------ several at once


def test_many_agents_on_one_run_lose_nothing(folder: Path) -> None:
    faults: list[BaseException] = []

    def work(index: int) -> None:
        try:
            with opened(folder) as run:
                for turn in range(3):
                    assert run.tell(run.ask().id, f"{index} {turn} 3 4 5 6").passed
        except Exception as error:  # noqa: BLE001 - whatever it was, the test fails with it
            faults.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    evaluated = [event.candidate for event in events(folder) if isinstance(event, Evaluated)]
    assert len(set(evaluated)) == len(evaluated) == 16
    inspect(folder)


def test_threads_share_one_run(folder: Path) -> None:
    with opened(folder) as run:
        numbers: list[int] = []
        threads = [threading.Thread(target=lambda: numbers.append(run.ask().id)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_a_run_in_use_is_waited_for_and_not_for_ever(folder: Path) -> None:
    said: list[str] = []
    lock = os.open(folder / LOCK, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with opened(folder, patience=Patience(0.2, said.append)) as run:
            with pytest.raises(JournalError, match=r"is in use by another process; waited 0\.2 s for it"):
                run.ask()
            assert said == [f"{folder} is in use by another process; waiting up to 0.2 s for it"]
            timer = threading.Timer(0.3, os.close, [lock])
            timer.start()
        with opened(folder, patience=Patience(20, said.append)) as run:
            assert run.ask().id == 1
        timer.join()
        assert len(said) == 2
    finally:
        if not timer.finished.is_set():
            os.close(lock)


def test_looking_at_a_run_starts_no_judge(folder: Path) -> None:
    with opened(folder) as run:
        run.ask()

    class Absent:
        def evaluate(self, job: Job) -> Evaluation:
            raise AssertionError("no judge was needed")

    with opened(folder, Absent()) as run:
        run.ask()
        run.status()
        run.describe()
        with pytest.raises(JournalError, match="no promoted kernel yet"):
            run.best()


def test_a_promotion_that_does_not_hold_is_said(folder: Path) -> None:
    class Fickle(SyntheticJudge):
        def evaluate(self, job: Job) -> Evaluation:
            if job.effort == "promote" and job.candidate.id == candidate(GOOD).id:
                return Failed("verify", "nondeterministic", "it differs")
            return synthetic_evaluation(job.candidate, effort=job.effort)

    with opened(folder, Fickle()) as run:
        reply = run.tell(run.ask().id, GOOD)
    assert not reply.promoted
    assert not reply.passed
    assert reply.verdict == "not the best: verify: nondeterministic: it differs"
    assert [event for event in events(folder) if isinstance(event, Promoted)] == []


def test_a_pin_and_a_hint_reach_an_agents_requests_and_its_pace_is_its_own(folder: Path) -> None:
    with opened(folder) as run:
        run.tell(run.ask().id, GOOD)
    for command in (Command("pin", synthetic_candidate().id), Command("hint", text="be brief"), Command("pause")):
        send(folder, command)
    with opened(folder) as run:
        assert synthetic_candidate().id in run.ask().prompt
    asked = [one for one in events(folder) if isinstance(one, Asked)][-1]
    assert asked.pinned
    assert asked.hints == ("be brief",)
    refused = [one.refused for one in events(folder) if isinstance(one, Steered)]
    assert refused == ["", "", "outside agents set the pace of this run"]
