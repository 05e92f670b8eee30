from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.archive.brief import Stretch, briefly
from warploom.archive.encode import (
    event_from,
    event_text,
    events_from,
    from_plain,
    job_from,
    job_text,
    pack_evaluation,
    pack_proposal,
    to_plain,
    unpack_evaluation,
    unpack_proposal,
)
from warploom.errors import JournalError
from warploom.values.candidate import Candidate, Lineage, Proposal, Step
from warploom.values.event import (
    EVENTS,
    Asked,
    Declined,
    Evaluated,
    Event,
    Member,
    Migrated,
    NotPromoted,
    Promoted,
    Proposed,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    Steered,
)
from warploom.values.job import Job
from warploom.values.outcome import FAILURE_KINDS, STAGES, Build, Check, Failed, Passed, Timing, Verdict
from warploom.values.problem import RECIPES, Workload
from warploom.values.request import Individual

texts = st.text(max_size=20)
ids = st.text("0123456789abcdef", min_size=16, max_size=16)
counts = st.integers(-(2**53), 2**53)
numbers = st.floats(allow_nan=False)
scalars = st.one_of(counts, numbers, texts)
named = st.lists(st.tuples(texts, scalars), max_size=3).map(tuple)
facts = st.dictionaries(texts, counts, max_size=3)
workloads = st.builds(
    lambda recipe, axes: Workload(recipe, **axes),
    st.sampled_from(RECIPES),
    st.dictionaries(st.sampled_from(["n", "rows", "cols"]), st.integers(1, 10**6), min_size=1),
)
candidates = st.builds(
    Candidate,
    texts,
    texts,
    st.lists(st.tuples(texts, texts), min_size=1, max_size=2).map(tuple),
    texts,
    named,
    st.lists(texts, max_size=3).map(tuple),
)
lineages = st.builds(
    Lineage,
    st.lists(ids, max_size=2).map(tuple),
    texts,
    texts,
    ids,
    st.lists(st.builds(Step, texts, texts, named), max_size=3).map(tuple),
    texts,
    texts,
    counts,
    numbers,
)
builds = st.builds(Build, texts, texts, texts, st.lists(texts, max_size=3).map(tuple), texts, counts, facts)
verdicts = st.builds(
    Verdict,
    st.lists(st.builds(Check, texts, counts, numbers, numbers, counts, texts, st.booleans()), max_size=3).map(tuple),
)
times = st.lists(numbers, max_size=5).map(tuple)
timings = st.builds(Timing, workloads, texts, times, times, st.tuples(counts, counts), texts, texts)
plain = st.dictionaries(texts, st.one_of(counts, texts, st.booleans(), numbers, st.none()), max_size=3)
passed = st.builds(Passed, builds, verdicts, st.lists(timings, max_size=3).map(tuple), plain, facts)
failed = st.builds(Failed, st.sampled_from(STAGES), st.sampled_from(FAILURE_KINDS), texts, texts, facts, plain)
cells = st.lists(st.integers(0, 3), min_size=3, max_size=3).map(tuple)
members = st.builds(Member, ids, numbers, numbers, cells, counts)
some = st.lists(members, max_size=3).map(tuple)
EVENT_STRATEGIES: tuple[Any, ...] = (
    st.builds(RunStarted, plain, plain, plain, texts),
    st.builds(RunResumed, plain, texts),
    st.builds(
        Asked,
        *(counts, texts, some, some, st.none() | cells, counts, counts, numbers),
        outside=st.booleans(),
        hints=st.lists(texts, max_size=2).map(tuple),
        pinned=st.booleans(),
    ),
    st.builds(Proposed, counts, ids, texts, texts, texts),
    st.builds(Declined, counts, texts, ids),
    st.builds(
        Evaluated, counts, ids, texts, texts, texts, st.none() | numbers, numbers, st.none() | cells, counts, texts
    ),
    st.builds(Migrated, st.lists(st.tuples(ids, counts, counts), max_size=3).map(tuple)),
    st.builds(
        Promoted,
        ids,
        numbers,
        numbers,
        st.dictionaries(texts, st.tuples(numbers, numbers, numbers), max_size=2),
        st.none() | numbers,
    ),
    st.builds(NotPromoted, ids, texts, st.none() | numbers, numbers),
    st.builds(Steered, texts, counts, counts, texts, st.none() | members, texts),
    st.builds(RunPaused, texts),
    st.builds(RunEnded, texts),
)

events = st.one_of(*EVENT_STRATEGIES)


@settings(max_examples=60, deadline=None)
@given(st.one_of(passed, failed))
def test_evaluations_go_round(evaluation: Passed | Failed) -> None:
    assert unpack_evaluation(pack_evaluation(evaluation)) == evaluation


@settings(max_examples=60, deadline=None)
@given(candidates, lineages)
def test_proposals_go_round_and_keep_their_id(candidate: Candidate, lineage: Lineage) -> None:
    found = unpack_proposal(pack_proposal(Proposal(candidate, lineage)))
    assert found == Proposal(candidate, lineage)
    assert found.candidate.id == candidate.id


@settings(max_examples=60, deadline=None)
@given(candidates, texts, st.sampled_from(["screen", "promote"]), st.none() | numbers)
def test_jobs_go_round(candidate: Candidate, problem: str, effort: Any, incumbent: float | None) -> None:
    job = Job(candidate, problem, effort, incumbent)
    assert job_from(job_text(job)) == job


@settings(max_examples=150, deadline=None)
@given(events)
def test_events_go_round(event: Event) -> None:
    assert event_from(*event_text(event)) == event


@settings(max_examples=60, deadline=None)
@given(st.lists(events, max_size=6), st.data())
def test_many_events_are_read_as_each_alone(written: list[Event], data: st.DataObject) -> None:
    texts = [event_text(event) for event in written]
    without = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    rows = [(kind, text[:-9] if old else text) for (kind, text), old in zip(texts, without, strict=True)]
    found = list(events_from(rows))
    assert found == written
    assert list(map(vars, found)) == list(map(vars, written)), "no field more and none less"


def test_events_before_a_damaged_one_are_read_and_then_it_is_told() -> None:
    rows = [event_text(RunPaused(word)) for word in "abcde"]
    rows[3] = rows[3][0], rows[3][1].replace('"d"', '"x"')
    found = iter(events_from(rows))
    assert [next(found) for _ in range(3)] == [RunPaused(word) for word in "abc"]
    with pytest.raises(JournalError, match="checksum"):
        next(found)


def seen(event: Any) -> Any:
    """What is looked at of an event that comes with a candidate, whatever it was read to."""
    match type(event).__name__:
        case "Asked":
            parents = [(one.candidate, one.fitness, one.spread, one.cell, one.island) for one in event.parents]
            return event.number, parents, event.outside
        case "Proposed":
            return event.number, event.candidate, event.proposer, event.operator, event.note
        case _:
            return tuple(getattr(event, name) for name in Evaluated.__dataclass_fields__)


def stretches(written: list[Event]) -> list[Any]:
    """The same events in stretches, put together one by one."""
    found: list[Any] = []
    for event in written:
        kinds = (Asked, Proposed, Evaluated)
        if not isinstance(event, kinds):
            found.append(event)
            continue
        if not (found and isinstance(found[-1], list)):
            found.append([[], [], []])
        found[-1][kinds.index(type(event))].append(seen(event))
    return found


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(events, *(EVENT_STRATEGIES[place] for place in (2, 3, 5))), max_size=8))
def test_many_events_in_brief_are_those_events(written: list[Event]) -> None:
    rows = [event_text(event) for event in written]
    found = briefly([kind for kind, _ in rows], [text.encode() for _, text in rows])
    if found is None:  # msgspec reads no infinity and no half of a pair: JSON does
        assert any(word in text for _, text in rows for word in ("Infinity", "\\ud"))
        return
    assert [
        [list(map(seen, those)) for those in part] if isinstance(part, Stretch) else part for part in found
    ] == stretches(written)


def test_what_older_journals_lack_has_its_default() -> None:
    kind, text = event_text(Asked(1, "grow", (), (), None, 0, 5, 0.5))
    old = text[:-9].replace('"hints":[],', "").replace('"outside":false,', "")
    assert "hints" not in old
    assert list(events_from([(kind, old)])) == [Asked(1, "grow", (), (), None, 0, 5, 0.5)]


@settings(max_examples=30, deadline=None)
@given(candidates, lineages, numbers, cells, facts)
def test_individuals_go_round(
    candidate: Candidate, lineage: Lineage, fitness: float, cell: tuple[int, ...], known: dict[str, int]
) -> None:
    individual = Individual(candidate, lineage, fitness, cell, 1, 0.5, known)
    assert from_plain(Individual | None, to_plain(individual)) == individual
    assert from_plain(Individual | None, to_plain(None)) is None


def test_infinite_errors_survive() -> None:
    check = Check("n=1", 1, math.inf, math.nan, 0)
    evaluation = Passed(Build("", "", "", (), "", 0), Verdict((check,)), ())
    found = unpack_evaluation(pack_evaluation(evaluation))
    assert isinstance(found, Passed)
    assert found.verdict.checks[0].max_abs_error == math.inf
    assert math.isnan(found.verdict.checks[0].max_rel_error)


@pytest.mark.parametrize("kind", EVENTS)
def test_every_kind_of_event_is_among_those_that_go_round(kind: type[Event]) -> None:
    assert any(kind.__name__ in repr(drawn) for drawn in EVENT_STRATEGIES)


def test_damage_is_a_journal_error() -> None:
    with pytest.raises(JournalError, match="damaged"):
        unpack_evaluation(b"nothing")
    with pytest.raises(JournalError, match="unknown kind 'Fancy'"):
        event_from("Fancy", "{}")
    with pytest.raises(JournalError, match="damaged"):
        event_from("Proposed", "{}")
