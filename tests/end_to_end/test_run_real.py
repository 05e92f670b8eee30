"""A real run, small: real reference, compiler, jail and moves. Then the same run again from its record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.archive.integrity import inspect
from warploom.cli.main import run as command
from warploom.errors import JournalError
from warploom.judge import evaluate
from warploom.problems.load import find_seed
from warploom.propose.without_model import WithoutModel
from warploom.search.executor import RecordedExecutor
from warploom.search.run import reopen, start
from warploom.search.sitting import Parts, Run, begin, first_candidate, go_on
from warploom.testing.world import Killed, kill_after
from warploom.values.config import RunConfig
from warploom.values.event import Evaluated, Event, Proposed, RunResumed
from warploom.values.problem import from_description

PROBLEM = """
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.tolerance import Tolerance

def soft(x):
    return x.softmax(dim=-1)

problem = Problem(
    name="soft",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols")},
    reference=soft,
    workloads=[Workload(rows=256, cols=1024)],
    tolerance=Tolerance(relative=4e-6),
    held_out=[Workload(rows=1, cols=1), Workload(rows=3, cols=37)],
)
"""
EVALUATIONS = 16

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, brief: None, eager_only: None, judge_cache: Path) -> Path:
    root = tmp_path_factory.mktemp("real")
    (root / "soft.py").write_text(PROBLEM)
    seed = find_seed("softmax").read_text().replace("softmax", "soft")
    (root / "soft.seed.cpp").write_text(seed)
    config = RunConfig(str(root / "soft.py"), evaluations=EVALUATIONS, seed=3)
    said: list[str] = []
    with start(root / "run", config, progress=said.append) as run:
        summary = run.go()
    assert said
    assert summary.evaluations == EVALUATIONS
    assert summary.ended == f"{EVALUATIONS} evaluations done"
    return root / "run"


def happened(folder: Path) -> list[Event]:
    with journals.read(folder) as journal:
        return [event for event in journal.events() if not isinstance(event, RunResumed)]


def test_a_real_run_leaves_a_kernel_with_its_evidence(recorded: Path) -> None:
    evidence = json.loads((recorded / "best" / "evidence.json").read_text())
    assert evidence["speedup"]["eager"]["low"] > 0
    assert evidence["environment"]["toolchain"]
    assert evidence["environment"]["hardware"]
    assert evidence["measured_in"]["noise_floor"] > 0
    assert evidence["timings"][0]["samples_ns"]
    inspect(recorded)


def test_what_was_claimed_is_judged_again_with_new_seeds(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evidence = json.loads((recorded / "best" / "evidence.json").read_text())
    assert evidence["problem"]["file"]["text"] == PROBLEM
    assert command(["verify", str(recorded / "best"), "--json"]) in (0, 1)  # a loaded machine may not reach the claim
    found = json.loads(capsys.readouterr().out)
    assert found["here"]["status"] == "passed"
    assert found["standing"] in ("holds", "weaker here", "undecided", "does not hold")
    assert found["differences"] == []
    seeds = {check["seed"] for check in found["here"]["checks"]}
    assert seeds.isdisjoint(evidence["seeds"])
    assert found["here"]["mint"]["problem"] == evidence["mint"]["problem"]
    assert found["here"]["mint"]["baseline"]
    kernel = recorded / "best" / "kernel.cpp"
    text = kernel.read_text()
    try:
        kernel.write_text(text + "\n")
        assert command(["verify", str(recorded / "best")]) == 2
    finally:
        kernel.write_text(text)


def test_the_seed_gives_the_events_again_from_recorded_timings(recorded: Path, tmp_path: Path) -> None:
    """The proposer, the strategy and the archive are the real ones; only the judge's answers come from the record."""
    with journals.read(recorded) as journal:
        with replay(journal, tmp_path / "again", 500) as run:
            run.go()
        assert happened(tmp_path / "again") == happened(recorded)
        for count in (5, 17, 29):
            folder = tmp_path / f"killed{count}"
            with replay(journal, folder, 4) as run, pytest.raises(Killed):
                run.go(kill_after(count))
            parts = recorded_parts(journal)
            seed = first_candidate(journal)
            assert seed is not None
            with go_on(journals.reopen(folder), seed, parts, 4) as run:
                run.go()
            assert happened(folder) == happened(recorded), f"killed after {count} events"


def recorded_parts(journal: journals.Journal) -> Parts:
    problem = from_description(journal.started.problem)
    return Parts(RecordedExecutor.of(journal), lambda _: WithoutModel(problem), journal.started.environment)


def replay(journal: journals.Journal, folder: Path, every: int) -> Run:
    problem = from_description(journal.started.problem)
    config = RunConfig.from_mapping(journal.started.config)
    seed = first_candidate(journal)
    assert seed is not None
    return begin(folder, config, problem, seed, recorded_parts(journal), every)


def test_an_ended_run_is_only_looked_at(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = happened(recorded)
    monkeypatch.setattr(evaluate, "Session", None)  # no judge is prepared for it
    with reopen(recorded) as run:
        summary = run.go()
    assert summary.evaluations == EVALUATIONS
    assert happened(recorded) == before


def test_a_changed_problem_is_refused(recorded: Path) -> None:
    path = recorded.parent / "soft.py"
    path.write_text(PROBLEM.replace("rows=3, cols=37", "rows=3, cols=38"))
    try:
        with pytest.raises(JournalError, match="has changed since this run began"):
            reopen(recorded)
    finally:
        path.write_text(PROBLEM)


def test_killed_with_all_it_started_and_resumed(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = [str(recorded.parent / "soft.py"), "--evaluations", "8", "--run", str(folder), "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "warploom.testing.brief", "evolve", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    known: set[str] = set()
    limit = time.monotonic() + 120
    while len(known) < 3 and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.1)
        if (folder / "journal.db").exists():
            try:
                known = {event.candidate for event in happened(folder) if isinstance(event, Evaluated)}
            except JournalError:
                continue
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    inspect(folder)
    with reopen(folder) as run:
        assert run.state.evaluations >= len(known) >= 3
        summary = run.go()
    events = happened(folder)
    assert summary.evaluations == 8
    evaluated = [event.candidate for event in events if isinstance(event, Evaluated)]
    assert known <= set(evaluated)
    assert len(set(evaluated)) == len(evaluated) == 8
    assert len([event for event in events if isinstance(event, Proposed)]) == 8
