"""Speedup over evaluations: every candidate, the climb of the best, what was measured again, and the noise floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from warploom.report.html.figures.frame import NARROW, Key, across, legend, marker, short_number, times, upwards
from warploom.report.html.history import Judged, Trial, standing_trial
from warploom.report.html.stages import spaced
from warploom.report.html.svg import Drawing, Point, Scale
from warploom.report.progress import interval
from warploom.report.tally import Record
from warploom.search.noise import percent
from warploom.values.ends import ends_of
from warploom.values.event import Promoted

MOST_DOTS = 1500
"""Candidates drawn one by one; of more, each of :data:`BINS` stretches shows where four fifths of them lie."""

BINS = 200
LEAST_IN_BIN = 40
LEAST_APART = 3.0
"""Pixels between two ticks of failures."""

MOST_WHISKERS = 60
DEEPEST = 400.0
"""What is this many times slower than the best lies at the lower edge."""


@dataclass(frozen=True)
class Climb:
    """What the chart shows.

    Attributes:
        judged: all candidates.
        records: those that were faster than all before, as screened.
        trials: those that were measured again.
        noise_floor: smallest difference of log speedups that means anything.
        compiled: torch.compile's speedup over eager; None where it was not timed.
    """

    judged: Sequence[Judged]
    records: Sequence[Record]
    trials: Sequence[Trial]
    noise_floor: float
    compiled: float | None

    @property
    def best(self) -> Trial | None:
        """The promotion that stands."""
        return standing_trial(self.trials)

    @property
    def top(self) -> float | None:
        """The highest log speedup there is."""
        best = self.best
        if best is not None and best.event.fitness is not None:
            return best.event.fitness
        return self.records[-1].fitness if self.records else None


def speedup(climb: Climb, width: int) -> Drawing:
    """The whole run, on a logarithmic axis."""
    highs = [math.exp(ends_of(one)[1]) for one in climb.records] + [1.25]
    fits = [one.fitness for one in climb.judged if one.fitness is not None]
    top = climb.top or 0.0
    low = math.exp(max(min([*fits, 0.0]), top - math.log(DEEPEST))) * 0.8
    return _drawn(climb, width, low, min(max(highs), 3 * math.exp(top) + 1) * 1.15, log=True)


def closer(climb: Climb, width: int) -> Drawing | None:
    """The last stretch to the top, on a straight axis, where intervals can be read; None before anything passed."""
    if climb.top is None:
        return None
    top = math.exp(climb.top)
    highs = [math.exp(ends_of(one)[1]) for one in climb.records if one.fitness > climb.top - 0.25 and one.spread < 0.4]
    highs += [math.exp(ends_of(trial.event)[1]) for trial in climb.trials if trial.event.fitness is not None]
    highs += [math.exp(one.fitness) for one in climb.records]
    high = min(max([top * math.exp(3 * climb.noise_floor), *highs]), 2.5 * top)
    return _drawn(climb, width, 0.7 * top, high + 0.03 * top, log=False)


def _drawn(climb: Climb, width: int, low: float, high: float, *, log: bool) -> Drawing:
    narrow = width < NARROW
    drawing = Drawing(width, 380 if narrow else 400, "Speedup over PyTorch eager, candidate by candidate")
    start = legend(drawing, _keys(climb, low, high), 0) + 10
    left, right, bottom = 46.0, width - 26.0, drawing.height - 58.0
    x = Scale(0, max(len(climb.judged), 1), left + 6, right)
    y = Scale(low, high, bottom, start, log)
    upwards(drawing, y, left, right, times)
    _noise(drawing, climb, x, y)
    for value, class_, inside in ((1.0, "line-eager", True), (climb.compiled, "line-compile", True)):
        if inside and value is not None and low < value < high:
            drawing.line((left, y(value)), (right, y(value)), class_)
    _candidates(drawing, climb.judged, x, y, low, high)
    _failures(drawing, climb.judged, x, bottom)
    _climbing(drawing, climb.records, x, y, low, high, len(climb.judged))
    for trial in climb.trials:
        _trial(drawing, trial, x, y, low, high)
    across(drawing, x, bottom + 14, short_number, "candidates judged")
    return drawing


def _keys(climb: Climb, low: float, high: float) -> list[Key]:
    many = sum(one.fitness is not None for one in climb.judged) > MOST_DOTS
    keys: list[Key] = [("box", "cloud", "where most candidates lie") if many else ("dot", "dot", "a candidate")]
    keys.append(("line", "climb", "best so far, as screened"))
    if climb.best is not None:
        keys += [("diamond", "held", "measured again, promoted"), ("box", "noise", "noise floor")]
    if any(not isinstance(trial.event, Promoted) for trial in climb.trials):
        keys.append(("diamond", "refused", "measured again, not promoted"))
    if low < 1.0 < high:
        keys.append(("line", "line-eager", "PyTorch eager"))
    if climb.compiled is not None and low < climb.compiled < high:
        keys.append(("line", "line-compile", "torch.compile"))
    if any(one.fitness is None for one in climb.judged):
        keys.append(("bar", "fail", "failed"))
    return keys


def _noise(drawing: Drawing, climb: Climb, x: Scale, y: Scale) -> None:
    """The band around the best within which a difference means nothing."""
    best = climb.best
    if best is None or best.event.fitness is None:
        return
    upper, lower = (y(math.exp(best.event.fitness + sign * climb.noise_floor)) for sign in (1, -1))
    tip = f"noise floor: less than {percent(climb.noise_floor)} apart means nothing"
    drawing.box((x.start, upper), x.end - x.start, max(2.0, lower - upper), "noise", tip)


def _candidates(drawing: Drawing, judged: Sequence[Judged], x: Scale, y: Scale, low: float, high: float) -> None:
    many = sum(one.fitness is not None for one in judged) > MOST_DOTS
    if many:
        stretch = max(LEAST_IN_BIN, -(-len(judged) // BINS))
        for start in range(0, len(judged), stretch):
            ordered = sorted(one.fitness for one in judged[start : start + stretch] if one.fitness is not None)
            if not ordered:
                continue
            bottom, top = math.exp(ordered[len(ordered) // 10]), math.exp(ordered[-1 - len(ordered) // 10])
            if top < low or bottom > high:
                continue
            left, right = x(start), x(start + stretch)
            drawing.box((left, y(top)), right - left, max(2.0, y(bottom) - y(top)), "cloud")
        return
    for one in judged:
        if one.fitness is not None and low <= math.exp(one.fitness) <= high:
            made = one.operator or one.proposer
            tip = f"{one.candidate}: {interval(one)} by {made}"
            drawing.dot((x(one.place), y(math.exp(one.fitness))), 2.6, "dot", tip)


def _failures(drawing: Drawing, judged: Sequence[Judged], x: Scale, bottom: float) -> None:
    """A tick below the chart for each failure; of many candidates one for several, as high as the share that failed."""
    several = max(1, round(LEAST_APART * len(judged) / (x.end - x.start)))
    for start in range(0, len(judged), several):
        here = judged[start : start + several]
        failed = [one for one in here if one.fitness is None]
        if failed:
            tip = (
                f"{failed[0].candidate}: {failed[0].outcome}"
                if len(here) == 1
                else f"{len(failed)} of {len(here)} failed"
            )
            at, height = x(here[len(here) // 2].place), max(1.0, 9.0 * len(failed) / len(here))
            drawing.line((at, bottom + 12), (at, bottom + 12 - height), "fail", tip)


def _climbing(
    drawing: Drawing, records: Sequence[Record], x: Scale, y: Scale, low: float, high: float, judged: int
) -> None:
    points: list[Point] = []
    for one in records:
        at, height = x(one.evaluation), y(math.exp(one.fitness))
        if points:
            points.append((at, points[-1][1]))
        points.append((at, height))
    if points:
        points.append((x(judged), points[-1][1]))
    drawing.path(points, "climb")
    for one in spaced(records, MOST_WHISKERS):
        if low <= math.exp(one.fitness) <= high:
            at = x(one.evaluation)
            low_end, high_end = (y(math.exp(end)) for end in ends_of(one))
            drawing.line((at, low_end), (at, high_end), "whisker")
            tip = f"{one.candidate}: {interval(one)}, screened; {one.note or one.operator}"
            drawing.dot((at, y(math.exp(one.fitness))), 3.2, "record", tip)


def _trial(drawing: Drawing, trial: Trial, x: Scale, y: Scale, low: float, high: float) -> None:
    event = trial.event
    if event.fitness is None or not low <= math.exp(event.fitness) <= high:
        return
    held = isinstance(event, Promoted)
    at = x(trial.place)
    low_end, high_end = (y(math.exp(end)) for end in ends_of(event))
    drawing.line((at, low_end), (at, high_end), "whisker" if held else "axis")
    said = "promoted" if held else "not promoted"
    tip = f"{event.candidate}: measured again at {interval(event)}, {said}"
    marker(drawing, "diamond", (at, y(math.exp(event.fitness))), "held" if held else "refused", tip, 7)
