"""Recorded runs: kept as a file, and gone through again event for event."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from warploom.archive import journal as journals
from warploom.archive.journal import Journal
from warploom.cli.main import run as command
from warploom.errors import BudgetSpent, ConfigError, JournalError, NothingToPropose
from warploom.propose.mixed import Mixed
from warploom.propose.protocol import Proposer
from warploom.propose.replay import RecordedMind, Replayed
from warploom.propose.without_model import WithoutModel
from warploom.propose.writer import Writer
from warploom.search.agents.asktell import AgentRun, Wiring
from warploom.search.executor import LocalExecutor, RecordedExecutor
from warploom.search.proposers import JournalKnowledge, make_proposer, settle
from warploom.search.record import Record, lines, read_record
from warploom.search.sitting import Parts, Run, begin
from warploom.testing.minds import Notebook
from warploom.testing.synthetic import (
    SyntheticJudge,
    SyntheticProposer,
    genes_of,
    synthetic_candidate,
    synthetic_problem,
)
from warploom.testing.synthetic_model import neighbour
from warploom.testing.world import World
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate
from warploom.values.config import RunConfig
from warploom.values.event import Declined, Evaluated, Event, Proposed, RunEnded, RunStarted
from warploom.values.exchange import Exchange, Message, Usage

RESOLUTION = Resolution.fit(60)


class Dreamer:
    """A model that takes its time and whose every fourth answer is a poem."""

    name = "dreamer"
    spending: Any = None

    def __init__(self, journal: Journal) -> None:
        self._said = journal.conversations

    async def ask(self, number: int, turn: int, operator: str, messages: tuple[Message, ...], seed: int) -> Exchange:
        before = self._said.recorded(number, turn)
        if before is not None:
            return before
        await anyio.sleep(random.uniform(0.0, 0.004))
        rng = random.Random(f"{number}/{turn}")
        text = messages[-1 if turn == 0 else 1].text
        genes = genes_of(Candidate("", "cpp", (("x", text),), "twice"))
        # Its last gene is its own, so that it never writes what moves write beside it.
        other = (*neighbour(genes, rng)[:-1], 10 + number)
        answer = f"```cpp\n{synthetic_candidate(other).source}```" if rng.random() < 0.75 else "A poem."
        exchange = Exchange(number, turn, operator, self.name, messages, answer, usage=Usage(50, 50), cost_usd=0.0001)
        self._said.record(exchange)
        return exchange

    def tell(self, exchange: Exchange, feedback: Any) -> None:
        pass

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


def dreaming(journal: Journal) -> Proposer:
    knowledge = JournalKnowledge(journal, {})
    writer = Writer(synthetic_problem(), Dreamer(journal), knowledge, RESOLUTION)
    return Mixed(writer, SyntheticProposer(0.05), knowledge, in_flight=4)


def remembering(record: Record) -> Callable[[Journal], Proposer]:
    def make(journal: Journal) -> Proposer:
        knowledge = JournalKnowledge(journal, {})
        mind = RecordedMind(record, journal.conversations)
        writer = Writer(synthetic_problem(), mind, knowledge, RESOLUTION)
        asked = Mixed(
            writer, SyntheticProposer(0.05), knowledge, in_flight=4, was_asked=lambda number: bool(record.of(number))
        )
        return Replayed(record, asked, knowledge)

    return make


def begun(world: World, name: str, make: Callable[[Journal], Proposer], executor: Any = None, **config: Any) -> Run:
    settings = RunConfig("twice", **config)
    parts = Parts(executor or LocalExecutor(SyntheticJudge(0.1), 4), make)
    return begin(world.root / name, settings, synthetic_problem(), synthetic_candidate(), parts)


MIXED: dict[str, Any] = {"evaluations": 40, "in_flight": 4, "proposer": "mix"}


def written(folder: Path, file: Path) -> Path:
    with journals.read(folder) as journal:
        file.write_text("".join(json.dumps(one) + "\n" for one in lines(journal)))
    return file


def course(events: list[Event]) -> tuple[list[Event], dict[int, Event]]:
    """What happened in order, and what was proposed: that stands where its answer came in, sooner or later."""
    told: list[Event] = [event for event in events if not isinstance(event, RunEnded | RunStarted | Proposed)]
    return told, {event.number: event for event in events if isinstance(event, Proposed)}


@pytest.fixture(scope="module")
def dreamt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(tmp_path_factory.mktemp("record"))
    with begun(world, "dreamt", dreaming, **MIXED) as run:
        run.go()
    return world.root / "dreamt"


def test_a_mixed_run_goes_again_event_for_event_from_its_record(world: World, dreamt: Path, tmp_path: Path) -> None:
    with journals.read(dreamt) as journal:
        events = list(journal.events())
    assert {"llm:dreamer", "synthetic"} <= {event.proposer for event in events if isinstance(event, Proposed)}
    assert [event for event in events if isinstance(event, Declined)]
    for name, source in (("from-run", dreamt), ("from-file", written(dreamt, tmp_path / "dreamt.jsonl"))):
        record = read_record(source)
        with journals.read(dreamt) as journal:
            executor = RecordedExecutor.of(journal)
            with begun(world, name, remembering(record), executor, **MIXED) as run:
                run.go()
        assert course(world.events(name)) == course(events)
        with journals.read(world.root / name) as again, journals.read(dreamt) as before:
            assert again.conversations.spending.tokens == again.conversations.spending.requests == 0
            said = [(one.number, one.turn, one.answer, one.cost_usd) for one in again.conversations.all()]
            assert said == [(one.number, one.turn, one.answer, one.cost_usd) for one in before.conversations.all()]


def test_a_replay_with_other_timings_asks_for_the_same_answers_and_ends_with_the_record(
    world: World, dreamt: Path
) -> None:
    record = read_record(dreamt)
    with begun(world, "again", remembering(record), **(MIXED | {"evaluations": 500})) as run:
        summary = run.go()
    assert summary.ended == f"the record {dreamt} ends with request {record.last}"
    with journals.read(world.root / "again") as again:
        numbers = {one.number for one in again.conversations.all()}
    assert numbers == {number for number in range(1, record.last + 1) if record.of(number)}


def test_what_agents_proposed_is_proposed_again(world: World, tmp_path: Path) -> None:
    with world.begin("agents", evaluations=30, islands=1):
        pass
    folder = world.root / "agents"
    told = ["1 2 3 4 5 6", "3 5 7 9 1 3"]
    with agents(folder) as run:
        for answer in told:
            run.tell(run.ask().id, answer)
        run.ask()
    record = read_record(written(folder, tmp_path / "agents.jsonl"))
    assert (record.last, record.proposer) == (2, "moves")
    proposal = record.proposal(2)
    assert proposal is not None
    assert genes_of(proposal.candidate) == (3, 5, 7, 9, 1, 3)
    assert record.of(2) == ()

    def make(journal: Journal) -> Proposer:
        return Replayed(record, SyntheticProposer(), JournalKnowledge(journal, {}))

    with begun(world, "again", make, evaluations=30, islands=1) as again:
        summary = again.go()
    assert summary.ended.endswith("ends with request 2")
    proposed = [event for event in world.events("again") if isinstance(event, Proposed)]
    assert [event.proposer for event in proposed] == ["seed", "agent", "agent"]
    evaluated = [event.candidate for event in world.events("agents") if isinstance(event, Evaluated)]
    assert [event.candidate for event in proposed] == evaluated
    with journals.read(world.root / "again") as journal:
        lineage = journal.proposal(proposed[1].candidate).lineage
    assert lineage.parents == (synthetic_candidate().id,)
    assert lineage.prompt == ""


def agents(folder: Path) -> AgentRun:
    class Scribe(SyntheticProposer):
        def prepare(self, request: Any) -> tuple[str, tuple[Message, ...]]:
            return "improve", (Message("user", "genes, please"),)

        def receive(self, request: Any, operator: str, answer: str, **named: Any) -> Any:
            proposal = anyio.run(SyntheticProposer.propose, self, request)
            candidate = synthetic_candidate(tuple(int(word) for word in answer.split()))
            lineage = type(proposal.lineage)(proposal.lineage.parents, named["proposer"], operator)
            return type(proposal)(candidate, lineage)

    def parts() -> Parts:
        return Parts(LocalExecutor(SyntheticJudge()), lambda _: SyntheticProposer())

    wiring = Wiring(synthetic_candidate(), parts, lambda _, __: SyntheticProposer(), lambda _, __: Scribe(), str)
    return AgentRun(folder, wiring)


def test_what_the_record_does_not_hold_is_said(dreamt: Path) -> None:
    record = read_record(dreamt)
    mind = RecordedMind(record, Notebook())
    absent = next(number for number in range(1, 40) if not record.of(number))
    present = next(number for number in range(1, 40) if record.of(number))
    with pytest.raises(NothingToPropose, match=f"dreamt holds no answer for request {absent}"):
        anyio.run(mind.ask, absent, 0, "improve", (), 0)
    with pytest.raises(NothingToPropose, match=f"dreamt holds no answer for turn 9 of request {present}"):
        anyio.run(mind.ask, present, 9, "improve", (), 0)
    replayed = Replayed(record, SyntheticProposer(), Notebook())
    request: Any = type("Asked", (), {"number": record.last + 1})
    with pytest.raises(BudgetSpent, match=f"ends with request {record.last}"):
        anyio.run(replayed.propose, request)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (None, "no record here: .*No such file"),
        ("", "its first line is not about one"),
        ("{}\n", "no record of a run, or damaged"),
        ('{"exchange": {"number": 1}}\n', "no record of a run, or damaged"),
        ('{"run": {"config": {}}}\n', "no record of a run, or damaged: KeyError: 'problem_hash'"),
        ("[1, 2]\n", "no record of a run, or damaged"),
        ("not json\n", "or damaged: JSONDecodeError: Expecting value"),
        (b"\xff\xfe", "or damaged: UnicodeDecodeError"),
    ],
)
def test_a_file_that_is_no_record_is_one_line(text: str | bytes | None, named: str, tmp_path: Path) -> None:
    file = tmp_path / "record.jsonl"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(JournalError, match=named) as caught:
        read_record(file)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(JournalError, match="no run here"):
        read_record(tmp_path)


def test_a_configuration_takes_its_proposer_from_the_record(dreamt: Path, tmp_path: Path) -> None:
    file = written(dreamt, tmp_path / "dreamt.jsonl")
    config = settle(RunConfig("twice", proposer="auto", replay=str(file)))
    assert config.proposer == "mix", "and needs no model and no key"
    assert settle(RunConfig("twice", proposer="moves", replay=str(file))).proposer == "moves"
    with journals.create(tmp_path / "run", RunStarted({}, {}, {}, "0")) as journal:
        found = make_proposer(config, synthetic_problem(), {}, [], journal)
        assert isinstance(found, Replayed)
        assert found.name == "mix"
        moves = make_proposer(RunConfig("twice", replay=str(file)), synthetic_problem(), {}, [], journal)
        assert moves.name == WithoutModel(synthetic_problem()).name
        text = file.read_text().replace(synthetic_problem().hash, "0" * 16)
        file.write_text(text)
        with pytest.raises(ConfigError, match="a record of another problem than this twice"):
            make_proposer(config, synthetic_problem(), {}, [], journal)


def test_the_command_writes_what_can_be_read(dreamt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dreamt.jsonl"
    assert command(["record", str(dreamt), str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lines"] == len(file.read_text().splitlines())
    assert told["bytes"] == file.stat().st_size
    first = json.loads(file.read_text().splitlines()[0])
    assert first["run"]["problem"] == "twice"
    record = read_record(file)
    with journals.read(dreamt) as journal:
        assert [one for number in range(record.last + 1) for one in record.of(number)] == list(
            journal.conversations.all()
        )
    assert command(["record", str(dreamt), str(file)]) == 2
    assert "there is such a file; choose another name, or give --force" in capsys.readouterr().err
    file.write_text("an older one\n" * 1000)
    assert command(["record", str(dreamt), str(file), "--force", "--json"]) == 0
    assert file.stat().st_size == told["bytes"]


def test_a_packed_record_holds_the_same(dreamt: Path, tmp_path: Path) -> None:
    plain, packed = tmp_path / "dreamt.jsonl", tmp_path / "dreamt.jsonl.gz"
    assert command(["record", str(dreamt), str(plain)]) == 0
    assert command(["record", str(dreamt), str(packed)]) == 0
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    one, other = read_record(plain), read_record(packed)
    assert one.last == other.last > 0
    assert all(one.of(number) == other.of(number) for number in range(one.last + 1))


@pytest.mark.parametrize("keep", [0, 20, -20])
def test_a_damaged_packed_record_is_one_line(dreamt: Path, tmp_path: Path, keep: int) -> None:
    packed = tmp_path / "dreamt.jsonl.gz"
    assert command(["record", str(dreamt), str(packed)]) == 0
    packed.write_bytes(packed.read_bytes()[:keep] or b"no gzip")
    with pytest.raises(JournalError, match=r"no whole record|no record of a run") as caught:
        read_record(packed)
    assert len(str(caught.value).splitlines()) == 1
