"""Several runs on one chart: those that have something to show, the long beside the short."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from warploom.report.tally import Record
from warploom.report.ui.compare import MOST_RUNS, Course, compare

WIDTH = 900


def course(name: str, judged: int = 100, fitness: float | None = 0.5) -> Course:
    records = [] if fitness is None else [Record(name, 1, fitness, 0.01, 1.0, "", "")]
    return Course(name, records, [], judged)


def words(courses: list[Course]) -> list[str]:
    drawing = compare(courses, WIDTH)
    assert drawing is not None
    return [one.text or "" for one in ElementTree.fromstring(drawing.markup()).iter("text")]


def test_runs_without_anything_take_no_place_from_the_others() -> None:
    several = [course(f"run {number}", fitness=None if number < 2 else 0.5) for number in range(MOST_RUNS + 2)]
    said = words(several)
    assert [one for one in said if one.startswith("run ")] == [f"run {number}" for number in range(2, MOST_RUNS + 2)]
    assert not any("not drawn" in one for one in said)
    assert "and 1 more that are not drawn" in words([*several, course("another")])
    assert compare(several[:2], WIDTH) is None


def test_beside_a_long_run_a_short_one_can_be_seen() -> None:
    drawing = compare([course("long", 100_000), course("short", 50)], WIDTH)
    assert drawing is not None
    ends = {
        one.get("class"): float(re.findall(r"L([\d.]+),", one.get("d", ""))[-1])
        for one in ElementTree.fromstring(drawing.markup()).iter("path")
    }
    assert ends["course-0"] > WIDTH - 40
    assert ends["course-1"] > WIDTH / 4
    assert "20,000" not in words([course("long", 100_000), course("short", 50)])
    assert "20" in words([course("one", 100), course("other", 90)])


def test_the_words_of_an_axis_have_room() -> None:
    assert "2,000×" in words([course("fast", fitness=8.0)])
    assert all("e+" not in one for one in words([course("faster", fitness=13.0)]))
