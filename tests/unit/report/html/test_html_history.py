"""What the page knows of a run agrees with what the run itself knows."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from warploom.archive.journal import read
from warploom.archive.rebuild import rebuild_archive
from warploom.report.html.filling import Filling
from warploom.report.html.history import History
from warploom.report.html.stages import spaced, stages
from warploom.report.html.story import Story
from warploom.testing.chronicle import Chronicle
from warploom.testing.world import World
from warploom.values.event import Evaluated, NotPromoted, Promoted


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_grids_of_the_page_are_those_of_the_archive(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path)
    run = world.begin(evaluations=150, seed=seed, islands=3, executor=None)
    with run:
        run.go()
    with read(tmp_path / "run") as journal:
        history = History(journal)
        archive = rebuild_archive(journal)
    assert history.tally.migrations, "the run was to exchange elites"
    assert history.trials, "the run was to measure again"
    own = [
        {cell: (stand.candidate, stand.fitness, stand.spread, stand.ends) for cell, stand in elites.items()}
        for elites in history.filling.now.islands
    ]
    theirs = [
        {
            cell: (place.elite.candidate.id, place.elite.fitness, place.elite.spread, place.elite.ends)
            for cell, place in grid.places.items()
        }
        for grid in archive.islands
    ]
    assert own == theirs
    assert all(one[3] for grid in own for one in grid.values()), "each with its interval"


def test_a_grid_is_kept_after_each_power_of_two(tmp_path: Path) -> None:
    run = World(tmp_path).begin(evaluations=40)
    with run:
        run.go()
    with read(tmp_path / "run") as journal:
        filling = History(journal).filling
    assert [frame.after for frame in filling.frames] == [1, 2, 4, 8, 16, 32]
    filled = [sum(map(len, frame.islands)) for frame in [*filling.frames, filling.now]]
    assert filled == sorted(filled)
    assert filled[0] < filled[-1]
    assert filling.now.after == 40


def test_of_a_long_run_each_word_is_kept_once(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        for number in range(1, 3):
            run.judged(number / 10, parent=seed, operator="grow:vectorise", note=f"try {number}")
        history = History(run.journal)
    first, second = history.judged[1:]
    assert first.operator == "grow:vectorise"
    assert first.parent == seed
    for name in ("outcome", "proposer", "operator", "parent"):
        assert getattr(first, name) is getattr(second, name)


def test_failures_are_counted_by_kind_with_the_first_of_each(story: Story) -> None:
    found = story.history.breakages
    assert {kind: one.count for kind, one in found.items()} == {"wrong_result": 1, "compile_error": 2}
    assert found["compile_error"].message == "expected ';'"
    assert dict(found["compile_error"].stages) == {"build": 2}


def test_candidates_records_and_trials_stand_in_their_order(story: Story) -> None:
    history = story.history
    assert [one.place for one in history.judged] == list(range(1, 10))
    assert [round(math.exp(one.fitness), 3) for one in history.records] == [0.5, 1.0, 2.0, 2.1]
    assert [trial.place for trial in history.trials] == [4, 8]
    gains = [one.gain for one in history.judged]
    assert gains[0] is None
    assert gains[1] == pytest.approx(math.log(2))
    assert gains[2] is None, "a failure gained nothing"
    assert (history.ended, history.finished) == ("100 evaluations are done", True)


def test_a_better_one_takes_the_place_of_the_last_beside_an_elite() -> None:
    filling = Filling()
    for number, fitness in enumerate((1.0, 0.95, 0.94, 0.93, 0.92, 0.96)):
        status = "not_added" if number else "new"
        event = Evaluated(number, f"{fitness}", "passed", "", "", fitness, 0.0, (0, 0, 0), 0, status)
        filling.add(event, number + 1)
    for fallen, next_best in (("1.0", "0.96"), ("0.96", "0.95"), ("0.95", "0.94")):
        filling.add(NotPromoted(fallen, "it crashed", None), 6)
        assert filling.now.islands[0][0, 0, 0].candidate == next_best
    filling.add(NotPromoted("0.94", "it crashed", None), 6)
    assert filling.now.islands[0] == {}, "three are kept beside the elite"


def test_a_candidate_that_fails_when_it_is_judged_again_leaves_the_grid() -> None:
    filling = Filling()
    filling.add(Evaluated(0, "a", "passed", "", "", 0.1, 0.0, (0, 0, 0), 0, "new"), 1)
    filling.add(Evaluated(1, "b", "passed", "", "", 0.5, 0.0, (1, 0, 0), 0, "new"), 2)
    filling.add(NotPromoted("b", "it crashed", None), 2)
    assert [set(elites) for elites in filling.now.islands] == [{(0, 0, 0)}]


def test_stages_are_summed_over_all_candidates(story: Story) -> None:
    found = story.stages
    assert (found.looked_at, found.judged) == (9, 9)
    assert found.screened == pytest.approx({"build": 0.9, "time": 3.6})
    assert found.again == pytest.approx({"time": 2.0})
    assert found.rest == pytest.approx(9.0 - 4.5 - 2.0)
    assert found.total == pytest.approx(9.0)


def test_stages_of_a_long_run_are_read_off_some_and_scaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.report.html.stages.MOST_LOOKED_AT", 10)
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        for _ in range(39):
            run.judged(0.1, parent=seed, status="not_added")
    with read(tmp_path / "run") as journal:
        history = History(journal)
        found = stages(journal, history.judged, history.trials, 100.0)
    assert (found.looked_at, found.judged) == (10, 40)
    assert found.screened == pytest.approx({"build": 4.0, "time": 16.0})
    assert found.rest == pytest.approx(80.0)


def test_values_are_spaced_over_the_whole() -> None:
    assert spaced(range(5), 9) == range(5)
    assert spaced(range(100), 4) == [0, 33, 66, 99]


def test_the_best_comes_back_when_what_pushed_it_out_was_luck() -> None:
    filling = Filling()
    for number, (candidate, fitness, cell) in enumerate([("a", 0.1, (0, 0, 0)), ("b", 0.5, (1, 0, 0))]):
        filling.add(Evaluated(number, candidate, "passed", "", "", fitness, 0.0, cell, 0, "new"), number + 1)
    filling.add(Promoted("b", 0.5, 0.01, {}), 2)
    filling.add(Evaluated(2, "c", "passed", "", "", 1.0, 0.0, (1, 0, 0), 0, "improved"), 3)
    assert filling.now.islands[0][1, 0, 0].candidate == "c"
    filling.add(NotPromoted("c", "it was luck", 0.2), 3)
    assert filling.now.islands[0][1, 0, 0].candidate == "b"
