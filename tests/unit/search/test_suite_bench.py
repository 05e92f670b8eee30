"""A benchmark of synthetic problems: what it keeps, what it goes on with, what it leaves out."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.archive.database import take_lock
from warploom.errors import ConfigError, JournalError
from warploom.search.suite.bench import RESULTS, read_results
from warploom.search.suite.row import Row
from warploom.testing.suite_world import ASKED, SuiteWorld, plan_of
from warploom.testing.world import Killed
from warploom.values.event import Evaluated, Event, RunResumed


@pytest.fixture
def suite(tmp_path: Path) -> SuiteWorld:
    return SuiteWorld(tmp_path)


def evaluated(folder: Path) -> list[str]:
    with journals.read(folder) as journal:
        return [event.candidate for event in journal.events() if isinstance(event, Evaluated)]


def test_every_problem_is_evolved_under_the_budget_and_has_a_line(suite: SuiteWorld, tmp_path: Path) -> None:
    results = suite.bench(plan_of("one", "four", minutes=3.0, strategy="greedy"))
    assert results.finished
    assert [row.status for row in results.rows] == ["verified", "verified"]
    assert suite.begun == [(1, "one"), (2, "four")]
    assert suite.finished == [(1, "one", "verified"), (2, "four", "verified")]
    first = results.rows[0]
    assert (first.kind, first.title, first.level, first.start) == ("pointwise", "one", "odd", "own")
    assert first.evaluations == ASKED["evaluations"] == len(evaluated(tmp_path / "bench" / "runs" / "one"))
    assert first.best
    assert set(first.speedup) == {"eager", "compile"}
    assert first.environment["processor"] == "a processor"
    config = suite.configs["one"]
    assert (config.problem, config.evaluations, config.minutes, config.strategy) == ("one", 8, 3.0, "greedy")
    assert (config.seed, config.proposer, config.start) == (1, "moves", "")
    lines = (tmp_path / "bench" / RESULTS).read_text().splitlines()
    assert [Row.from_plain(json.loads(line)) for line in lines] == list(results.rows)
    assert read_results(tmp_path / "bench").rows == results.rows


def test_started_again_it_reads_what_is_finished(suite: SuiteWorld) -> None:
    plan = plan_of("one", "four")
    rows = suite.bench(plan).rows
    suite.said.clear()
    assert suite.bench(plan).rows == rows
    assert suite.said == []


def test_killed_it_goes_on_where_it_was(suite: SuiteWorld, tmp_path: Path) -> None:
    plan, left = plan_of("one", "four", "three"), [14]

    def kill(event: Event) -> None:
        left[0] -= isinstance(event, Evaluated)
        if not left[0]:
            raise Killed

    suite.watcher = kill
    with pytest.raises(Killed):
        suite.bench(plan)
    seen = evaluated(tmp_path / "bench" / "runs" / "four")
    assert len(seen) == 6  # 8 of the first, 6 of the second
    assert [row.status for row in read_results(tmp_path / "bench").rows] == ["verified", "waiting", "waiting"]
    suite.said.clear()
    suite.watcher = lambda event: None
    results = suite.bench(plan)
    assert [row.status for row in results.rows] == ["verified"] * 3
    assert "reopen four" in suite.said
    assert "start one" not in suite.said
    assert evaluated(tmp_path / "bench" / "runs" / "four")[:6] == seen
    with journals.read(tmp_path / "bench" / "runs" / "four") as journal:
        assert sum(isinstance(event, RunResumed) for event in journal.events()) == 1
    untouched = SuiteWorld(tmp_path).bench(plan, "other")
    assert [row.best for row in results.rows] == [row.best for row in untouched.rows]


def test_a_signal_ends_it_cleanly_and_the_rest_waits(suite: SuiteWorld, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Evaluated) and event.number == 3:
            signal.raise_signal(signal.SIGINT)

    suite.watcher = stop
    results = suite.bench(plan_of("one", "four"))
    assert [row.status for row in results.rows] == ["interrupted", "waiting"]
    assert not results.finished
    assert read_results(tmp_path / "bench").rows == results.rows
    suite.watcher = lambda event: None
    assert suite.bench(plan_of("one", "four")).finished


def test_another_benchmark_in_the_directory_is_refused(suite: SuiteWorld) -> None:
    suite.bench(plan_of("one"))
    with pytest.raises(ConfigError, match=r"evaluations is 8 there, 9 here; give another directory"):
        suite.bench(plan_of("one", evaluations=9))
    with pytest.raises(ConfigError, match=r"its 1 problems are not these 2, such as two"):
        suite.bench(plan_of("one", "two"))
    with pytest.raises(ConfigError, match="without --quarantine there"):
        suite.bench(plan_of("one", quarantine=True))


def test_two_at_once_in_one_directory_are_refused(suite: SuiteWorld, tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    take_lock(tmp_path / "bench")
    with pytest.raises(JournalError, match="in use"):
        suite.bench(plan_of("one"))


def test_what_cannot_be_loaded_is_named_counts_and_is_tried_again(suite: SuiteWorld) -> None:
    suite.broken = {"four": "four: there is no such file"}
    rows = suite.bench(plan_of("four", "one")).rows
    assert (rows[0].status, rows[0].reason, rows[1].status) == (
        "not started",
        "four: there is no such file",
        "verified",
    )
    suite.broken = {}
    assert [row.status for row in suite.bench(plan_of("four", "one")).rows] == ["verified", "verified"]


def test_a_problem_without_a_seed_gets_one_that_is_lowered(suite: SuiteWorld, tmp_path: Path) -> None:
    suite.unseeded = {"one", "four", "three"}
    suite.lowered = {"one": "// made\n", "three": KeyError("aten.odd")}
    rows = suite.bench(plan_of("one", "four", "three")).rows
    assert (rows[0].status, rows[0].start) == ("verified", "lowered")
    assert Path(suite.configs["one"].start).read_text() == "// made\n"
    assert rows[1].status == "not started"
    assert rows[1].reason == "no seed: four: it uses aten.erfinv, which has no lowering"
    assert rows[2].reason == "no seed: the lowering failed: KeyError: 'aten.odd'"


def test_a_seed_that_fails_is_no_kernel_and_says_why(suite: SuiteWorld) -> None:
    suite.failing, suite.seed_genes = 1.0, (1, 0, 0, 0, 0, 0)
    (row,) = suite.bench(plan_of("one")).rows
    assert row.status == "no kernel"
    assert row.reason == "the starting implementation failed: wrong_result: made to fail"
    assert row.failures == {"wrong_result": 1}


def test_quarantine_leaves_out_what_fails_its_audit_and_remembers_it(suite: SuiteWorld) -> None:
    suite.faulty = {"one"}
    plan = plan_of("one", "four", quarantine=True)
    rows = suite.bench(plan).rows
    assert (rows[0].status, rows[1].status) == ("quarantined", "verified")
    assert rows[0].reason == "wrong answers pass its checks: all zeros"
    assert "start one" not in suite.said
    suite.said.clear()
    suite.bench(plan)
    assert suite.said == []


def test_without_quarantine_nothing_is_audited(suite: SuiteWorld) -> None:
    suite.faulty = {"one"}
    assert suite.bench(plan_of("one")).rows[0].status == "verified"
    assert "audit one" not in suite.said


def test_what_the_reference_does_is_counted_once(suite: SuiteWorld, tmp_path: Path) -> None:
    suite.bench(plan_of("one"))
    shutil.rmtree(tmp_path / "bench" / "runs")
    suite.bench(plan_of("one"))
    assert suite.said.count("work one") == 1
    assert suite.said.count("start one") == 2  # a run that was removed begins anew


def test_work_that_cannot_be_counted_costs_the_score_of_light_alone(suite: SuiteWorld) -> None:
    suite.uncounted = {"one"}
    (row,) = suite.bench(plan_of("one")).rows
    assert (row.status, row.kind, dict(row.light)) == ("verified", "", {})


def test_the_light_of_a_row_follows_from_its_times(suite: SuiteWorld) -> None:
    (row,) = suite.bench(plan_of("one")).rows
    (workload,) = row.workloads
    # Bytes and operations a nanosecond of the environment; a block of calls moves more than its faster cache holds.
    bound = max(8192 / 100.0, 1024 / 200.0)
    assert workload["bound_ns"] == pytest.approx(bound)
    assert workload["bytes"] == 8192
    baseline = workload["baselines"]["eager"]["ns"]
    own = baseline / row.speedup["eager"][0]
    assert own == pytest.approx(workload["kernel_ns"], rel=0.02)
    assert row.light["eager"] == pytest.approx((baseline - own) / (baseline - bound))


def test_damaged_results_are_said(suite: SuiteWorld, tmp_path: Path) -> None:
    suite.bench(plan_of("one"))
    (tmp_path / "bench" / RESULTS).write_text('{"id": "one"}\n')
    with pytest.raises(ConfigError, match=r"results.jsonl:1: no line of results"):
        read_results(tmp_path / "bench")
    with pytest.raises(ConfigError, match="holds no benchmark"):
        read_results(tmp_path)
