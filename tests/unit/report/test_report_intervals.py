"""A measurement has one interval, and it is the same wherever it is shown."""

from __future__ import annotations

import io
import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from warploom.archive import journal as journals
from warploom.archive.remeasured import remeasured
from warploom.report.evaluation import speedup_lines, times_table
from warploom.report.html.facts import spent_rows
from warploom.report.html.figures.speedup import speedup as drawn
from warploom.report.html.gallery import gallery
from warploom.report.html.history import History
from warploom.report.html.story import Story, climb
from warploom.report.progress import Progress
from warploom.report.standing import RunReport
from warploom.report.ui.followed import Followed
from warploom.report.ui.listing import row
from warploom.search.best.evidence import read_evidence
from warploom.testing.chronicle import Chronicle
from warploom.testing.world import World
from warploom.values.ends import ends_of, ends_of_speedup
from warploom.values.event import Evaluated, NotPromoted, Promoted
from warploom.values.outcome import Passed, Timing
from warploom.values.problem import Workload
from warploom.values.speedup import Speedup, speedup

SKEWED = math.log(2.0), (math.log(1.9), math.log(3.0))
SAID = "2.00× [1.90, 3.00]"


def shown(report: RunReport) -> str:
    stream = io.StringIO()
    Console(file=stream, width=100).print(report.overview())
    return stream.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[journals.Journal]:
    with World(tmp_path).begin(evaluations=80, islands=2, every=30) as going:
        going.go()
    with journals.read(tmp_path / "run") as journal:
        yield journal


def measured(journal: journals.Journal, candidate: str, *, again: bool) -> Speedup:
    evaluation = remeasured(journal, candidate) if again else journal.evaluation(candidate)
    assert isinstance(evaluation, Passed)
    found = speedup(evaluation.timings)
    assert found is not None
    return found


def test_events_carry_the_interval_of_the_pairs_and_no_half_width_of_it(run: journals.Journal) -> None:
    kinds, uneven = set(), 0
    for event in run.events():
        if isinstance(event, Evaluated | Promoted | NotPromoted) and event.fitness is not None:
            kinds.add(type(event))
            found = measured(run, event.candidate, again=not isinstance(event, Evaluated))
            low, high = ends_of(event)
            assert (low, high) == pytest.approx(ends_of_speedup(found), abs=1e-12)
            uneven += abs(high - event.fitness - (event.fitness - low)) > 1e-4
    assert kinds >= {Evaluated, Promoted}
    assert uneven > 40, "on even intervals a half-width would do as well"


def test_show_says_of_each_elite_how_it_was_measured_and_shows_that_interval(run: journals.Journal) -> None:
    assert run.snapshot() is not None, "the elites come through a snapshot too"
    report = RunReport(run)
    origins = set()
    for one in report.to_object()["elites"]:
        origins.add(one["measured"])
        found = measured(run, one["candidate"], again=one["measured"] != "screened")
        assert one["speedup"] == pytest.approx({"median": found.median, "low": found.low, "high": found.high})
    assert origins >= {"screened", "best"}
    text = shown(report)
    assert report.best in text.splitlines()[0]
    (best,) = (line for line in text.splitlines() if line.startswith(report.best))
    assert str(measured(run, report.best, again=True)) in best
    assert "screened: measured once" in text


def test_the_view_the_summary_the_page_the_dashboard_and_the_evidence_agree(run: journals.Journal) -> None:
    report, history = RunReport(run), History(run)
    wanted = measured(run, report.best, again=True)
    progress = Progress(Console(file=io.StringIO()))
    for event in run.events():
        progress.observe(event)
    stream = io.StringIO()
    Console(file=stream, width=80).print(progress.render())
    assert f"{wanted} the speed of eager" in stream.getvalue()
    assert f"{wanted} the speed of PyTorch eager" in shown(report)
    assert str(read_evidence(run.folder / "best").claimed) == str(wanted)
    said = report.to_object()["speedup"]["eager"]
    assert (said["median"], said["low"], said["high"]) == (wanted.median, wanted.low, wanted.high)
    (rows,) = (figure.table.rows for figure in gallery(Story(run)) if figure.name == "speedup-closer" and figure.table)
    assert any(found == str(wanted) for _, candidate, found, _ in rows if candidate == report.best)
    followed = Followed(run.folder)
    assert followed.to_object()["best"]["speedup"]["eager"] == pytest.approx([wanted.median, wanted.low, wanted.high])
    record = measured(run, history.records[-1].candidate, again=False)
    assert followed.to_object()["record"]["speedup"] == pytest.approx([record.median, record.low, record.high])
    followed.journal.close()
    for one in history.judged:
        if one.fitness is not None:
            found = measured(run, one.candidate, again=False)
            assert row(one)["ends"] == pytest.approx([found.low, found.high])


def test_the_live_view_shows_the_ends_as_they_are() -> None:
    fitness, ends = SKEWED
    progress = Progress(Console(file=io.StringIO()))
    progress.observe(Evaluated(0, "a", "passed", "", "", fitness, 0.2, (0, 0, 0), 0, "new", ends))
    stream = io.StringIO()
    Console(file=stream, width=80).print(progress.render())
    assert f"{SAID} the speed of eager, not yet confirmed" in stream.getvalue()
    assert "0: 2.00× -5 +50 % in 1 cell" in stream.getvalue()
    confirmed = Promoted("b", math.log(1.8), 0.01, {"eager": (1.8, 1.7, 1.95)})
    progress.observe(confirmed)
    stream = io.StringIO()
    Console(file=stream, width=100).print(progress.render())
    assert "screened" not in stream.getvalue(), "1.90 is not above 1.95"


def test_the_chart_draws_the_ends_as_they_are(tmp_path: Path) -> None:
    fitness, ends = SKEWED
    with Chronicle(tmp_path / "run") as chronicle:
        chronicle.judged(0.0)
        first = chronicle.judged(fitness, spread=0.2, ends=ends)
    with journals.read(tmp_path / "run") as journal:
        text = drawn(climb(History(journal), 0.01), 880).markup()
    assert f"{first}: {SAID}" in text


def test_one_that_was_measured_once_more_was_promoted_once(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as chronicle:
        seed, faster = chronicle.judged(0.0), chronicle.judged(0.5)
        chronicle.promoted(seed, 0.0)
        chronicle.promoted(faster, 0.5)
        chronicle.promoted(faster, 0.4)
    with journals.read(tmp_path / "run") as journal:
        assert RunReport(journal).to_object()["promotions"] == 2
        assert ("measured again", "2, of which 2 promoted") in spent_rows(Story(journal))


def older(folder: Path) -> None:
    """The run as it was written before intervals were kept."""
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        database.execute("DELETE FROM snapshots")
        for seq, body in list(database.execute("SELECT seq, body FROM events")):
            plain = json.loads(body[: body.rindex("}") + 1])
            for one in (plain, *plain.get("parents", ()), *plain.get("inspirations", ())):
                one.pop("ends", None)
            database.execute("UPDATE events SET body = ? WHERE seq = ?", (json.dumps(plain), seq))


def test_a_run_from_before_shows_what_it_has(run: journals.Journal) -> None:
    folder = run.folder
    before = RunReport(run).to_object()
    run.close()
    older(folder)
    with journals.read(folder) as journal:
        report, history = RunReport(journal), History(journal)
        after = report.to_object()
        assert after["speedup"] == before["speedup"]
        assert [one["candidate"] for one in after["elites"]] == [one["candidate"] for one in before["elites"]]
        one = next(one for one in history.judged if one.fitness is not None)
        assert one.ends is None
        assert one.fitness is not None
        assert row(one)["ends"] == [math.exp(one.fitness - one.spread), math.exp(one.fitness + one.spread)]
        assert report.best in shown(report)
        assert gallery(Story(journal))


def test_two_digits_of_a_number_are_the_same_two_digits_everywhere() -> None:
    """1.44496 is 1.44, though to four digits it is 1.4450, which is printed as 1.45."""
    pairs = tuple(1e6 * ratio for ratio in (1.44496, 1.44496, 1.44496, 1.44496, 1.44496))
    timings = [Timing(Workload(n=n), "eager", (1e6,) * 5, pairs) for n in (1, 2)]
    stream = io.StringIO()
    Console(file=stream, width=80).print(times_table(timings), *speedup_lines(timings))
    assert "1.44× [1.44, 1.44]" in stream.getvalue()
    assert "1.45" not in stream.getvalue()
