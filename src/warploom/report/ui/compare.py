"""Several runs beside one another: how the best of each grew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from warploom.report.html.figures.frame import Key, across, legend, marker, short_number, times, upwards
from warploom.report.html.history import Trial, standing_trial
from warploom.report.html.stages import spaced
from warploom.report.html.svg import Drawing, Point, Scale
from warploom.report.progress import interval
from warploom.report.tally import Record

MOST_RUNS = 6
MOST_STEPS = 400
APART = 20.0
"""Where one run is so many times as long as another, the axis is logarithmic."""

DEEPEST = 100.0
"""What is this many times slower than the best lies at the lower edge."""


@dataclass(frozen=True)
class Course:
    """One run.

    Attributes:
        name: for the legend.
        records: those that were faster than all before, as screened.
        trials: those that were measured again.
        judged: candidates by now.
    """

    name: str
    records: Sequence[Record]
    trials: Sequence[Trial]
    judged: int


def compare(courses: Sequence[Course], width: int) -> Drawing | None:
    """The climbs of the first :data:`MOST_RUNS` runs in which something passed; None before there is one.

    Args:
        courses: the runs.
        width: in pixels.
    """
    climbing = [one for one in courses if one.records]
    shown = list(enumerate(climbing[:MOST_RUNS]))
    if not shown:
        return None
    drawing = Drawing(width, 380, "How the best of each run grew")
    keys: list[Key] = [("line", f"course-{number}", one.name) for number, one in shown]
    top = legend(drawing, keys, 0) + 10
    if len(climbing) > len(shown):
        drawing.text((8, top), f"and {len(climbing) - len(shown)} more that are not drawn", "small quiet")
        top += 16
    best = max(one.records[-1].fitness for _, one in shown)
    least = min(one.records[0].fitness for _, one in shown)
    low, high = math.exp(max(min(least, 0.0), best - math.log(DEEPEST))) * 0.85, math.exp(best) * 1.15
    bottom = drawing.height - 58.0
    lengths = [max(1, one.judged) for _, one in shown]
    apart = max(lengths) > APART * min(lengths)
    x = Scale(1 if apart else 0, max(lengths), 52.0, width - 26.0, log=apart)
    y = Scale(low, high, bottom, top, log=True)
    upwards(drawing, y, 46.0, width - 26.0, times)
    if low < 1.0 < high:
        drawing.line((46.0, y(1.0)), (width - 26.0, y(1.0)), "line-eager")
    for number, one in shown:
        _course(drawing, one, number, x, y)
    across(drawing, x, bottom + 14, short_number, "candidates judged")
    return drawing


def _course(drawing: Drawing, one: Course, number: int, x: Scale, y: Scale) -> None:
    points: list[Point] = []
    for record in spaced(one.records, MOST_STEPS):
        height = y(math.exp(record.fitness))
        if points:
            points.append((x(record.evaluation), points[-1][1]))
        points.append((x(record.evaluation), height))
    points.append((x(one.judged), points[-1][1]))
    drawing.path(points, f"course-{number}", tip=one.name)
    held = standing_trial(one.trials)
    if held is not None:
        event = held.event
        assert event.fitness is not None
        tip = f"{one.name}: {event.candidate}, promoted at {interval(event)}"
        place = (x(held.place), y(math.exp(event.fitness)))
        marker(drawing, "diamond", place, f"course-{number} filled", tip, 6)
