"""The raw samples of an evaluation: every pair as a dot, with the median and its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator

from warploom.report.evaluation import TITLES
from warploom.report.html.figures.frame import NARROW, across, times
from warploom.report.html.stages import spaced
from warploom.report.html.svg import Drawing, Scale
from warploom.values.outcome import Evaluation, Passed, Timing
from warploom.values.speedup import log_ratios, workload_speedup

ROW = 46
MOST_DOTS = 400
"""Pairs that are drawn for one workload."""


def samples(evaluation: Evaluation, width: int) -> Iterator[Drawing]:
    """A drawing for each baseline: a row for each workload; nothing when it failed.

    Args:
        evaluation: with its timings.
        width: in pixels.
    """
    if not isinstance(evaluation, Passed):
        return
    baselines = dict.fromkeys(timing.baseline for timing in evaluation.timings)
    for baseline in baselines:
        found = [timing for timing in evaluation.timings if timing.baseline == baseline]
        yield _drawn(found, TITLES.get(baseline, baseline), width)


def _drawn(timings: list[Timing], title: str, width: int) -> Drawing:
    pairs = sum(len(timing.samples_ns) for timing in timings)
    drawing = Drawing(width, 64 + ROW * len(timings), f"{pairs} pairs, times the speed of {title}")
    ratios = [[math.exp(one) for one in log_ratios(timing)] for timing in timings]
    low, high = min(map(min, ratios)), max(map(max, ratios))
    room = max(high / low, 1.02) ** 0.06
    x = Scale(low / room, high * room, 14.0, width - 14.0, log=True)
    bottom = 18.0 + ROW * len(timings)
    drawing.text((8, 12), drawing.title, "small strong")
    for index, (timing, values) in enumerate(zip(timings, ratios, strict=True)):
        _row(drawing, timing, values, x, 26.0 + ROW * index)
    words = (lambda value: f"{value:.4g}×") if high / low < 1.2 else times
    across(drawing, x, bottom, words, "" if width < NARROW else f"times the speed of {title}")
    return drawing


def _row(drawing: Drawing, timing: Timing, values: list[float], x: Scale, top: float) -> None:
    found = workload_speedup(timing)
    drawing.fitting((14, top + 8), str(timing.workload), drawing.width / 2, "small quiet")
    drawing.text((drawing.width - 14, top + 8), str(found) if len(values) > 1 else "one pair", "small", "end")
    y = top + 24
    if len(values) > 1:
        drawing.box((x(found.low), y - 9), max(2.0, x(found.high) - x(found.low)), 18, "noise")
    for place, (value, own) in enumerate(spaced(list(zip(values, timing.samples_ns, strict=True)), MOST_DOTS)):
        shift = (place % 5 - 2) * 2.5
        drawing.dot((x(value), y + shift), 2.4, "dot", f"{value:.4f}×; {own / 1e6:.4g} ms a call")
    drawing.line((x(found.median), y - 10), (x(found.median), y + 10), "climb")
