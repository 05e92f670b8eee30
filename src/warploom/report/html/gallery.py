"""The figures of the page, each with its words and its numbers, in the order in which they are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from warploom.report.html import words
from warploom.report.html.figures.bars import Bar, bars
from warploom.report.html.figures.cells import cells, key
from warploom.report.html.figures.roofline import NAMES, roofline
from warploom.report.html.figures.speedup import Climb, closer, speedup
from warploom.report.html.figures.tree import tree
from warploom.report.html.history import Trial
from warploom.report.html.payers import Payer
from warploom.report.html.story import Story
from warploom.report.html.svg import Drawing
from warploom.report.progress import clock_face, interval, made_by
from warploom.values.event import Promoted

WIDE, NARROW = 880, 360
"""Widths in pixels for which each figure is drawn: a page on a desk, and one in a hand."""

MOST_BARS = 15
MOST_ROWS = 60


@dataclass(frozen=True)
class Table:
    """Numbers behind a figure: titles of the columns, and rows of words."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        name: of its file, without suffix.
        section: of the page where it stands.
        title: what it is.
        words: how it is read.
        draw: width in pixels → the drawing; None where there is nothing to draw.
        table: its numbers; None where it has none of its own.
    """

    name: str
    section: str
    title: str
    words: str
    draw: Callable[[int], Drawing | None]
    table: Table | None = None


def gallery(story: Story) -> list[Figure]:
    """All figures for which there is something to draw."""
    everything = [*of_the_climb(story.climb), *of_the_search(story), *of_the_cost(story)]
    return [figure for figure in everything if figure.draw(WIDE) is not None]


def of_the_climb(climb: Climb) -> list[Figure]:
    """How the speed grew."""
    if not climb.judged:
        return []
    records = Table(
        ("candidate no.", "id", "speed of PyTorch eager", "made by"),
        [
            (f"{one.evaluation:,}", one.candidate, interval(one), made_by(one.operator, one.note))
            for one in climb.records[-MOST_ROWS:]
        ],
    )
    return [
        Figure(
            "speedup",
            "climb",
            "Speedup over evaluations",
            words.SPEEDUP,
            lambda width: speedup(climb, width),
            records,
        ),
        Figure(
            "speedup-closer",
            "climb",
            "The last stretch, closer",
            words.CLOSER,
            lambda width: closer(climb, width),
            Table(("after", "id", "speed of PyTorch eager", "became"), [_trial(trial) for trial in climb.trials]),
        ),
    ]


def of_the_search(story: Story) -> list[Figure]:
    """Who descends from whom, which kinds were found, how near the limits the best is."""
    filling, best = story.history.filling, story.best
    now, frames = filling.now, filling.frames
    found = [
        Figure(
            "family-tree",
            "family",
            "Family tree",
            words.TREE,
            lambda width: tree(story.kin, best.candidate.id if best else "", width),
        )
    ]
    if any(now.islands):
        found.append(
            Figure(
                "grid-key",
                "grid",
                "How to read the grids",
                words.GRIDS,
                lambda width: key(filling.resolution, now, width),
            )
        )
    for island in range(len(now.islands)) if any(now.islands) else ():
        elites = now.islands[island]
        rows = [
            ("; ".join(filling.resolution.words(cell)), interval(one), one.candidate)
            for cell, one in sorted(elites.items(), key=lambda item: -item[1].fitness)
        ]
        found.append(
            Figure(
                f"grid-island-{island}",
                "grid",
                f"Island {island}: {len(elites)} of {filling.resolution.cells} kinds found",
                words.ISLANDS if island == 0 else "",
                partial(cells, frames, now, filling.resolution, island),
                Table(("kind", "speed of PyTorch eager", "id"), rows),
            )
        )
    roof = story.roof
    if roof is not None:
        unit = "Gop/s" if roof.by_operations else "GB/s"
        marks = [
            (one.workload, NAMES.get(one.who, one.who), f"{one.y:,.3g} {unit}", f"{one.y / one.roof:.0%}")
            for one in sorted(roof.marks, key=lambda one: (one.workload, -one.y))
        ]
        found.append(
            Figure(
                "roofline",
                "limits",
                "Roofline: how much is left",
                words.ROOFLINE,
                lambda width: roofline(roof, width),
                Table(("workload", "kernel", "reached", "share of the limit"), marks),
            )
        )
    return found


def of_the_cost(story: Story) -> list[Figure]:
    """What paid, where the time went, what failed."""
    history = story.history
    found = [
        _paid("paid-proposers", "Who paid", "who", story.proposers, words.PAID),
        _paid("paid-operators", "What was asked for", "asked for", story.operators),
        _paid("paid-moves", "Which moves or recipes", "move or recipe", story.moves),
    ]
    parts = story.stages
    rows = [(f"{stage}, each candidate", seconds, "bar") for stage, seconds in parts.screened.items()]
    rows += [("measuring again, to promote", sum(parts.again.values()), "bar")] if parts.again else []
    rows += [("everything else", parts.rest, "bar")]
    shown = [
        Bar(name, value, f"{_duration(value)}, {value / max(parts.total, 1e-9):.0%}", class_)
        for name, value, class_ in rows
    ]
    estimate = (
        f" Estimated from {parts.looked_at:,} of {parts.judged:,} candidates." if parts.looked_at < parts.judged else ""
    )
    found.append(
        Figure(
            "time",
            "time",
            "Where the time went",
            f"{_duration(history.seconds)} in all. {words.TIME}{estimate}",
            lambda width: bars(shown, "Time per stage", width) if parts.total else None,
        )
    )
    failed = sorted(history.breakages.items(), key=lambda item: -item[1].count)
    broken = [Bar(kind.replace("_", " "), float(one.count), f"{one.count:,}", "bar bad") for kind, one in failed]
    found.append(
        Figure(
            "failures",
            "failures",
            "Failures by kind",
            words.FAILURES,
            lambda width: bars(broken, "Failures by kind", width),
            Table(
                ("kind", "count", "at", "the first one", "what was said"),
                [
                    (
                        kind.replace("_", " "),
                        f"{one.count:,}",
                        ", ".join(one.stages),
                        one.candidate,
                        one.message,
                    )
                    for kind, one in failed
                ],
            ),
        )
    )
    return found


def _trial(trial: Trial) -> tuple[str, ...]:
    """When, what, how fast, and what came of it."""
    event = trial.event
    found = "it failed" if event.fitness is None else interval(event)
    became = "promoted" if isinstance(event, Promoted) else f"not promoted: {event.reason}"
    return f"{trial.place:,}", event.candidate, found, became


def _paid(name: str, title: str, who: str, payers: Sequence[Payer], said: str = "") -> Figure:
    climbed = [payer for payer in payers if payer.climbed > 0][:MOST_BARS]
    rows = [Bar(one.name, one.climbed, f"{_factor(one.climbed)} in {_steps(one.records)}") for one in climbed]
    table = Table(
        (who, "tried", "passed", "faster than their parent", "became the best", "made the best faster by"),
        [
            (
                one.name,
                f"{one.tried:,}",
                f"{one.passed:,}",
                f"{one.faster:,}",
                f"{one.records:,}",
                _factor(one.climbed) if one.records else "–",
            )
            for one in payers[:MOST_ROWS]
        ],
    )
    return Figure(name, "paid", title, said, lambda width: bars(rows, title, width), table)


def _factor(climbed: float) -> str:
    factor = math.exp(climbed)
    return f"{factor:.3g}×" if factor >= 2 else f"+{(factor - 1) * 100:.1f} %"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _duration(seconds: float) -> str:
    """Seconds as people say them: "4.2 s", "1:05 min"."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{clock_face(seconds)} {'h' if seconds >= 3600 else 'min'}"
