"""Benchmarks side by side, as the JSON object of ``warploom bench compare`` and as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.report.evaluation import BASELINES
from warploom.report.suite.table import against_line, ends_words, scores_table
from warploom.search.suite.compare import Comparison, Ratio
from warploom.search.suite.row import Ends


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """The object that ``warploom bench compare --json`` prints.

    Returns:
        ``benchmarks``, ``common`` (problems), ``scores`` (one a benchmark, over those), ``over_the_first`` (baseline →
        one for each further benchmark), ``problems`` (id → baseline → speedups) and ``differences``.
    """
    return {
        "benchmarks": [str(one.folder) for one in comparison.results],
        "common": list(comparison.common),
        "scores": [one.to_plain() for one in comparison.scores],
        "over_the_first": {
            baseline: [_ratio_object(one) for one in ratios] for baseline, ratios in comparison.ratios.items()
        },
        "problems": {
            name: {baseline: [_middle(ends) for ends in _speeds(comparison, name, baseline)] for baseline in BASELINES}
            for name in comparison.common
        },
        "differences": list(comparison.differences),
    }


def render_comparison(comparison: Comparison) -> RenderableType:
    """The comparison for people: what differs, the scores, and the problems side by side."""
    names = [str(one.folder) for one in comparison.results]
    parts: list[RenderableType] = [Text(f"problems in common: {len(comparison.common)}", style="bold")]
    parts += [Text(f"not alike: {line}", style="yellow") for line in comparison.differences]
    for baseline, title in BASELINES.items():
        parts += [Text(), against_line(title)]
        parts.append(scores_table(dict(zip(names, comparison.scores, strict=True)), baseline))
        for name, ratio in zip(names[1:], comparison.ratios[baseline], strict=True):
            parts.append(Text(_ratio_line(name, names[0], ratio)))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("vs eager", overflow="fold")
    for name in names:
        table.add_column(Text(name), no_wrap=True)
    for problem in comparison.common:
        table.add_row(Text(problem), *map(ends_words, _speeds(comparison, problem, "eager")))
    return Group(*parts, Text(), table)


def _ratio_line(name: str, first: str, ratio: Ratio) -> str:
    if ratio.ends is None:
        return f"{name} over {first}: no problem where both have a kernel"
    better, worse = len(ratio.better), len(ratio.worse)
    where = f"on the {ratio.problems} where both have a kernel"
    return f"{name} over {first}: {ends_words(ratio.ends)} {where}; {better} faster for sure, {worse} slower for sure"


def _ratio_object(ratio: Ratio) -> dict[str, Any]:
    ends = None if ratio.ends is None else dict(zip(("median", "low", "high"), ratio.ends, strict=True))
    if ends is not None and ends["high"] == float("inf"):
        return {**_counts(ratio), "ratio": {**ends, "high": None}}
    return {**_counts(ratio), "ratio": ends}


def _counts(ratio: Ratio) -> dict[str, Any]:
    return {"problems": ratio.problems, "faster_for_sure": list(ratio.better), "slower_for_sure": list(ratio.worse)}


def _speeds(comparison: Comparison, problem: str, baseline: str) -> list[Ends | None]:
    rows = [comparison.row(number, problem) for number in range(len(comparison.results))]
    return [row.speedup.get(baseline) for row in rows]


def _middle(ends: Ends | None) -> float | None:
    return None if ends is None else ends[0]
