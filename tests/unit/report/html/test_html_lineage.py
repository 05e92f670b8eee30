"""Who descends from whom, what each step changed and gained, and who paid."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from warploom.archive.journal import read
from warploom.propose.moves.books import BOOKS
from warploom.report.html.family import family, weightiest
from warploom.report.html.history import History, Judged
from warploom.report.html.meanings import meaning
from warploom.report.html.payers import by_move, by_operator, by_proposer
from warploom.report.html.story import Story
from warploom.testing.chronicle import Chronicle


def test_the_way_to_the_best_says_what_each_step_changed_and_gained(story: Story) -> None:
    first, second = story.way
    assert first.made == "grow:vectorise: + vectorise(@every)"
    assert first.changes == ("+ vectorise(@every)",)
    assert first.gain == pytest.approx(math.log(2))
    assert second.changes == ("+ vectorise(@every, lanes=8)", "− vectorise(@every)", "+ -ffast-math")
    assert (second.came, second.went) == (1, 1)
    assert any(line.startswith("+// candidate 3") for line in second.diff)
    assert story.best is not None
    assert second.candidate == story.best.candidate.id


TUNABLE = "TUNE(LANES, 4, 8)\n"


def test_parameters_that_were_tuned_are_told(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0, source=TUNABLE)
        best = run.judged(0.5, parent=seed, operator="tune", source=TUNABLE, parameters=(("LANES", 8),))
        run.promoted(best, 0.5)
    with read(tmp_path / "run") as journal:
        story = Story(journal)
    assert [step.changes for step in story.way] == [("LANES = 8",)]
    assert "#define LANES 8" in story.kernel


def test_the_tree_holds_the_elites_with_their_ancestors_and_nothing_else(story: Story) -> None:
    kin = {one.candidate: one for one in story.kin}
    ids = [one.candidate for one in story.history.judged]
    assert set(kin) == {ids[0], ids[1], ids[3], ids[7]}
    assert [kin[ids[index]].on_way for index in (0, 1, 3, 7)] == [True, True, True, False]
    assert [kin[ids[index]].depth for index in (0, 1, 3, 7)] == [0, 1, 2, 1]
    assert [kin[ids[index]].row for index in (0, 1, 3, 7)] == [0, 0, 0, 1], "the way to the best is straight"
    assert [one.candidate for one in story.kin if one.leaf] == [ids[3], ids[7]]


def test_a_line_of_a_thousand_steps_is_followed_as_far_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warploom.report.html.family.MOST_ANCESTORS", 30)
    with Chronicle(tmp_path / "run") as run:
        last = run.judged(0.0)
        for index in range(60):
            last = run.judged(index / 100, parent=last, status="improved")
    with read(tmp_path / "run") as journal:
        kin = family(journal, [last], "", History(journal).by_id)
    assert len(kin) == 30
    assert kin[0].parent == ""
    assert kin[-1].candidate == last


def test_of_many_steps_those_that_changed_the_speed_most_are_kept_in_order(story: Story) -> None:
    kept = weightiest(story.way * 3, 3)
    assert len(kept) == 3
    assert [step.gain for step in kept] == sorted([step.gain for step in kept], key=lambda gain: gain is None)
    assert weightiest(story.way, 5) == story.way


def row(place: int, fitness: float | None, proposer: str, operator: str, note: str = "", above: float = 0.0) -> Judged:
    outcome = "crash" if fitness is None else "passed"
    return Judged(place, f"{place:016x}", outcome, fitness, 0.01, proposer, operator, note, "p", above, 0.01)


JUDGED = [
    row(1, 0.0, "seed", ""),
    row(2, 0.3, "moves", "open", "open: vectors and threads"),
    row(3, None, "moves", "grow:parallel"),
    row(4, 0.5, "llm:big", "repair:0123456789abcdef", above=0.3),
    row(5, 0.505, "moves", "grow:parallel", above=0.5),
    row(6, 0.2, "moves", "grow:vectorise", above=0.1),
]


def test_what_records_gained_goes_to_those_who_made_them() -> None:
    found = {one.name: one for one in by_proposer(JUDGED, 0.01)}
    assert list(found) == ["moves", "llm:big", "seed"]
    assert found["moves"].climbed == pytest.approx(0.305)
    assert found["llm:big"].climbed == pytest.approx(0.2)
    assert found["seed"].climbed == 0
    assert sum(one.climbed for one in found.values()) == pytest.approx(0.505), "all of the climb is someone's"
    assert (found["moves"].tried, found["moves"].passed, found["moves"].records) == (4, 3, 2)


def test_faster_than_the_parent_means_beyond_both_intervals_and_the_noise_floor() -> None:
    assert {one.name: one.faster for one in by_proposer(JUDGED, 0.01)} == {"moves": 2, "llm:big": 1, "seed": 0}
    assert {one.name: one.faster for one in by_proposer(JUDGED, 0.15)} == {"moves": 1, "llm:big": 1, "seed": 0}


def test_operators_and_moves_are_told_apart() -> None:
    assert {one.name: one.tried for one in by_operator(JUDGED, 0.01)} == {"open": 1, "repair": 1, "grow": 3, "seed": 1}
    moves = {one.name: one.tried for one in by_move(JUDGED, 0.01)}
    assert moves == {"vectors and threads": 1, "parallel": 2, "vectorise": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("+ pack(@first, inner=t)", "What a nest reads of an array is copied into contiguous scratch before it."),
        ("+ store_to_output(@first)", "What an earlier pass computes is stored to the output element the later pass"),
        ("+ reciprocal(@every)", "x / s with an s that the loop does not change"),
        ("− pack(@first, inner=t)", ""),
        ("+ unheard_of(@first)", ""),
        ("+ -ffast-math", ""),
    ],
)
def test_a_move_that_came_is_told_in_words(change: str, words: str) -> None:
    assert meaning(change).startswith(words)
    assert bool(meaning(change)) == bool(words)


def test_every_move_has_words_without_markup() -> None:
    for move in (move for book in BOOKS.values() for move in book.moves):
        assert re.fullmatch(r"[^`]{10,}", meaning(f"+ {move.name}()")), move.name
