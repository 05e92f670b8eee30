"""The page: what was gathered, laid into the template. It holds no script and may load nothing."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from warploom.report.evaluation import BASELINES, cautions, milliseconds, round_trip, workload_rows
from warploom.report.html.facts import checks_words, environment_rows, headline, spent_rows
from warploom.report.html.family import MOST_STEPS, weightiest
from warploom.report.html.figures.frame import speed
from warploom.report.html.gallery import NARROW, WIDE, Figure, gallery
from warploom.report.html.meanings import meaning
from warploom.report.html.palette import DARK, LIGHT, variables
from warploom.report.html.side_by_side import MOST_LINES, coloured, side_by_side
from warploom.report.html.story import Story
from warploom.report.html.svg import Drawing
from warploom.report.progress import gained
from warploom.values.plain_text import printable
from warploom.values.speedup import ratio

MOST_DIFF_LINES = 200
"""Lines of a step's diff that are shown."""


def page(story: Story) -> str:
    """The whole page as HTML."""
    style = style_sheet()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    steps = weightiest(story.way)
    rows = side_by_side(story.start, story.kernel) if story.best and story.start else []
    timings = story.passed.timings if story.passed else ()
    environment = Environment(
        loader=DictLoader({"page.html": template("page.html"), "parts.html": template("parts.html")}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(ratio=ratio, speed=speed, meaning=meaning, gained=_gained, ms=milliseconds)
    return environment.get_template("page.html").render(
        style=Markup(style),  # our own: templates/page.css and chart.css
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'",
        story=story,
        headline=headline(story),
        cautions=[said.plain for said in cautions(story.passed.environment if story.passed else {})],
        figures=_by_section(gallery(story)),
        steps=steps,
        all_steps=len(story.way),
        most_steps=MOST_STEPS,
        diff_lines=MOST_DIFF_LINES,
        rows=rows,
        kernel=coloured(story.kernel.splitlines()),
        cut=max(len(story.start.splitlines()), len(story.kernel.splitlines())) > MOST_LINES,
        most_lines=MOST_LINES,
        workloads=workload_rows(timings, round_trip(story.passed) if story.passed else None),
        baselines=BASELINES,
        checks=checks_words(story),
        environment=environment_rows(story),
        spent=spent_rows(story),
    )


def draw(figure: Figure, width: int = WIDE) -> Drawing:
    """A figure of the gallery, which holds only those that can be drawn."""
    drawing = figure.draw(width)
    assert drawing is not None, "the gallery leaves out what cannot be drawn"
    return drawing


def _by_section(figures: list[Figure]) -> dict[str, list[dict[str, Any]]]:
    """Section → its figures, drawn for both widths."""
    found: dict[str, list[dict[str, Any]]] = {}
    for figure in figures:
        found.setdefault(figure.section, []).append(
            {
                "figure": figure,
                "wide": draw(figure, WIDE).markup("chart wide"),
                "narrow": draw(figure, NARROW).markup("chart narrow"),
            }
        )
    return found


def _shown(value: object) -> object:
    """What the template writes: words without characters that a reader could not see."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _gained(gain: float | None) -> str:
    if gain is None:
        return "unknown"
    return gained(math.exp(gain)) if gain >= 0 else f"−{-math.expm1(gain) * 100:.0f} %"


@cache
def template(name: str) -> str:
    """The text of a template."""
    return (files("warploom.report.html") / "templates" / name).read_text(encoding="utf-8")


def style_sheet() -> str:
    """The page's style sheet: colours of both schemes, charts, page."""
    dark = f"@media (prefers-color-scheme:dark){{:root{{color-scheme:dark;{variables(DARK)}}}}}"
    light = f":root{{color-scheme:light;{variables(LIGHT)}}}"
    return f"{light}{dark}\n{template('chart.css')}{template('page.css')}"
