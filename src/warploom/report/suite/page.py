"""A benchmark as one page that holds everything and loads nothing, in the manner of a run's report."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from warploom import __version__
from warploom.report.evaluation import BASELINES, milliseconds
from warploom.report.html.gallery import NARROW, WIDE
from warploom.report.html.page import style_sheet, template
from warploom.report.html.svg import Drawing
from warploom.report.suite.charts import shares, speeds
from warploom.report.suite.table import (
    UNKNOWN,
    ends_words,
    environment,
    groups_of,
    heading,
    name_of,
    score_cells,
    share_words,
    times_words,
    without_kernel,
)
from warploom.search.suite.bench import Results
from warploom.search.suite.light import ASSUMPTIONS
from warploom.search.suite.plan import write_whole
from warploom.search.suite.row import Row
from warploom.search.suite.score import THRESHOLDS, score
from warploom.values.plain_text import printable
from warploom.values.speedup import ratio

FILE = "report.html"
SCORES_HEAD = ("", "problems", *(f"fast_{p:g}" for p in THRESHOLDS), "geometric mean", "median", "worst", "light")
PROBLEMS_HEAD = (
    *("problem", "what it is", "kind", "kernel", "vs eager", "vs compile", "light"),
    *("judged", "minutes", "start", "in full"),
)


def write_suite_page(results: Results, path: Path) -> int:
    """Write the page, whole or not at all; returns its size in bytes.

    Raises:
        ConfigError: it cannot be written.
    """
    text = suite_page(results)
    write_whole(path, text)
    return len(text.encode())


def suite_page(results: Results) -> str:
    """The whole page as HTML."""
    style, rows = style_sheet(), results.rows
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment_ = Environment(
        loader=DictLoader({"suite.html": template("suite.html"), "parts.html": template("parts.html")}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment_.filters.update(ratio=ratio, ends=ends_words, times=times_words, share=share_words)
    groups = groups_of(rows)
    return environment_.get_template("suite.html").render(
        style=Markup(style),  # our own: templates/page.css and chart.css
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'",
        version=__version__,
        results=results,
        heading=heading(results),
        score=score(rows),
        baselines=BASELINES,
        scores={
            title: [score_cells(name, one, baseline) for name, one in groups.items()]
            for baseline, title in BASELINES.items()
        },
        scores_head=SCORES_HEAD,
        problems=[_cells(row) for row in rows if row.correct],
        problems_head=PROBLEMS_HEAD,
        speeds=_figure("speeds", "Every problem", SPEEDS, lambda width: speeds(rows, width)),
        shares=_figure("shares", "How many are how much faster", SHARES, lambda width: shares(rows, width)),
        quarantined=[row for row in rows if row.status == "quarantined"],
        without=without_kernel(rows),
        facts=[(name, value) for name, value in _facts(results)],
        assumptions=ASSUMPTIONS,
    )


SPEEDS = (
    "Each line is one problem: how many times faster its kernel is than PyTorch, with the 95 % interval. Left of the "
    "dotted line PyTorch is faster."
)
SHARES = (
    "The share of all problems whose kernel is correct and more than p times as fast as the baseline: KernelBench's "
    "fast_p for every p."
)


def _figure(name: str, title: str, words: str, draw: Callable[[int], Drawing | None]) -> dict[str, Any] | None:
    """A chart for both widths, as the template's macro takes it; None where there is nothing to draw."""
    wide, narrow = draw(WIDE), draw(NARROW)
    if wide is None or narrow is None:
        return None
    return {
        "figure": {"name": name, "title": title, "words": words, "table": None},
        "wide": wide.markup("chart wide"),
        "narrow": narrow.markup("chart narrow"),
    }


def _cells(row: Row) -> Sequence[str]:
    return (
        row.id,
        name_of(row),
        row.kind or UNKNOWN,
        milliseconds(row.workloads[0]["kernel_ns"]) if row.workloads else "–",
        ends_words(row.speedup.get("eager")),
        ends_words(row.speedup.get("compile")),
        share_words(row.light.get("eager")),
        str(row.evaluations),
        f"{row.minutes:.1f}",
        {"own": "its own", "lowered": "made from the reference"}.get(row.start, UNKNOWN),
        row.title,
    )


def _facts(results: Results) -> list[tuple[str, str]]:
    """How it was made and where."""
    asked = results.plan.asked
    settings = [f"{name} {value}" for name, value in asked.items() if value not in (None, "", [], ())]
    minutes = sum(row.minutes for row in results.rows)
    facts = [("suite", results.plan.name), ("settings of every run", ", ".join(settings))]
    facts.append(("quarantine", "problems that fail their audit are left out" if results.plan.quarantine else "none"))
    facts += [(name, value) for name, value in environment(results.rows).items()]
    return [*facts, ("time at work", f"{minutes:.0f} minutes"), ("Warploom", results.plan.version)]


def _shown(value: object) -> object:
    """What the template writes: words without characters that a reader could not see."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
