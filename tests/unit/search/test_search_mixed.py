"""Whole runs of the mixture in the synthetic world, with a scripted model."""

from __future__ import annotations

from itertools import repeat
from typing import Any

from warploom.archive import journal as journals
from warploom.archive.journal import Journal
from warploom.propose.mixed import Mixed
from warploom.propose.protocol import Proposer
from warploom.propose.writer import Writer
from warploom.search.executor import LocalExecutor
from warploom.search.proposers import JournalKnowledge
from warploom.search.sitting import Parts, Run, begin
from warploom.testing.minds import Script, ScriptedMind
from warploom.testing.synthetic import SyntheticJudge, SyntheticProposer, synthetic_candidate, synthetic_problem
from warploom.testing.world import World
from warploom.values.behaviour import Resolution
from warploom.values.config import RunConfig
from warploom.values.event import Proposed


def mixed(world: World, script: Script, **config: Any) -> Run:
    def make(journal: Journal) -> Proposer:
        knowledge = JournalKnowledge(journal, {})
        mind = ScriptedMind(script, journal.conversations)
        writer = Writer(synthetic_problem(), mind, knowledge, Resolution.fit(60))
        return Mixed(writer, SyntheticProposer(), knowledge, in_flight=4)

    settings = RunConfig("twice", proposer="mix", in_flight=4, **config)
    parts = Parts(LocalExecutor(SyntheticJudge()), make)
    return begin(world.root / "run", settings, synthetic_problem(), synthetic_candidate(), parts)


def test_a_model_whose_cap_is_reached_ends_the_run_as_a_limit_does(world: World) -> None:
    with mixed(world, (), evaluations=60) as run:
        summary = run.go()
    assert summary.ended == "the script is at its end"
    assert summary.finished
    assert summary.best
    assert summary.evaluations < 60


def test_a_useless_model_is_asked_less_and_the_run_goes_on(world: World) -> None:
    with mixed(world, repeat("A poem."), evaluations=60) as run:
        summary = run.go()
    assert summary.evaluations == 60
    with journals.read(world.root / "run") as journal:
        asked = {exchange.number for exchange in journal.conversations.all()}
        last = max(event.number for event in journal.events() if isinstance(event, Proposed))
    assert asked
    late = [number for number in asked if number > last // 2]
    assert len(late) < 0.2 * last / 2
