"""A benchmark as the JSON object of ``warploom bench`` and as tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.report.evaluation import BASELINES, milliseconds
from warploom.search.suite.bench import Results
from warploom.search.suite.light import ASSUMPTIONS
from warploom.search.suite.row import Ends, Row
from warploom.search.suite.score import THRESHOLDS, Score, by_kind, by_level, score
from warploom.values.speedup import ratio

UNKNOWN = "unknown"
"""What a kind is called that was not found out."""


def results_object(results: Results) -> dict[str, Any]:
    """The object that ``warploom bench --json`` prints; the lines of the problems are in ``results.jsonl``.

    Returns:
        ``out``, ``suite``, ``asked`` (settings of every run), ``finished``, ``statuses`` (status → number), ``score``
        over all, by ``levels`` and by ``kinds``, ``quarantined`` and ``without_kernel`` (id → reason), and the
        ``assumptions`` of the speed of light.
    """
    rows = results.rows
    return {
        "out": str(results.folder),
        "suite": list(results.plan.words),
        "asked": dict(results.plan.asked),
        "quarantine": results.plan.quarantine,
        "finished": results.finished,
        "statuses": dict(Counter(row.status for row in rows)),
        "score": score(rows).to_plain(),
        "levels": {name: one.to_plain() for name, one in by_level(rows).items()},
        "kinds": {name or UNKNOWN: one.to_plain() for name, one in by_kind(rows).items()},
        "quarantined": {row.id: row.reason for row in rows if row.status == "quarantined"},
        "without_kernel": {row.id: f"{row.status}: {row.reason}" for row in without_kernel(rows)},
        "minutes": round(sum(row.minutes for row in rows), 3),
        "environment": environment(rows),
        "assumptions": list(ASSUMPTIONS),
    }


def render_results(results: Results) -> RenderableType:
    """The benchmark for people: a line a problem, the scores, and what has no kernel."""
    parts: list[RenderableType] = [Text(heading(results), style="bold"), Text()]
    shown = [row for row in results.rows if row.correct]
    if shown:
        parts += [problems_table(shown), Text()]
    groups = groups_of(results.rows)
    for baseline, title in BASELINES.items():
        parts += [against_line(title), scores_table(groups, baseline)]
        figures = groups["all"].against[baseline]
        if figures.worst_id:
            parts.append(Text(f"worst: {figures.worst_id}", style="dim"))
        parts.append(Text())
    parts += [Text(line) for line in remarks(results)]
    return Group(*parts)


def heading(results: Results) -> str:
    """What was run: "kernelbench:1 · 100 problems, 98 with a verified kernel · 60 evaluations each"."""
    found = score(results.rows)
    asked = results.plan.asked
    budget = f"{asked.get('evaluations')} evaluations each"
    if asked.get("minutes") is not None:
        budget += f", {asked['minutes']:g} minutes at most"
    problems = f"{found.problems} problem{'' if found.problems == 1 else 's'}, {found.correct} with a verified kernel"
    return f"{results.plan.name} · {problems} · {budget} · seed {asked.get('seed')}"


def groups_of(rows: tuple[Row, ...]) -> dict[str, Score]:
    """All, then each level and each kind where there are several."""
    levels, kinds = by_level(rows), by_kind(rows)
    found = {"all": score(rows)}
    found |= levels if len(levels) > 1 else {}
    return found | ({name or UNKNOWN: one for name, one in kinds.items()} if len(kinds) > 1 else {})


def against_line(title: str) -> Text:
    """What stands above a table of scores."""
    return Text.assemble((f"against {title}", "bold"), ("  fast_p: share correct and more than p times as fast", "dim"))


def problems_table(rows: Iterable[Row]) -> Table:
    """One line a problem with a kernel."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("problem", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("kernel", justify="right", no_wrap=True)
    table.add_column("vs eager", no_wrap=True)
    table.add_column("vs compile", no_wrap=True)
    table.add_column("light", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row.id),
            row.kind or UNKNOWN,
            milliseconds(row.workloads[0]["kernel_ns"]) if row.workloads else "–",
            ends_words(row.speedup.get("eager")),
            ends_words(row.speedup.get("compile")),
            share_words(row.light.get("eager")),
        )
    return table


def scores_table(groups: Mapping[str, Score], baseline: str) -> Table:
    """One line a group of problems."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for name in ("n", *(f">{p:g}" for p in THRESHOLDS), "geomean", "median", "worst", "light"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, one in groups.items():
        table.add_row(*score_cells(name, one, baseline))
    return table


def score_cells(name: str, one: Score, baseline: str) -> list[str]:
    """A line of the scores, as words."""
    figures = one.against[baseline]
    shares = [f"{figures.fast[p]:.2f}" for p in THRESHOLDS]
    means = [times_words(value) for value in (figures.mean, figures.middle, figures.worst)]
    return [name, str(one.problems), *shares, *means, share_words(figures.light)]


def remarks(results: Results) -> list[str]:
    """What stands beside the figures: intervals, what was left out or has no kernel, and how to go on."""
    rows, found = results.rows, score(results.rows)
    lines = []
    for baseline, title in BASELINES.items():
        figures = found.against[baseline]
        if figures.interval is not None and figures.mean is not None and found.correct:
            low, high = figures.interval
            line = f"geometric mean over {title}: {ratio(figures.mean)}× [{ratio(low)}, {ratio(high)}]"
            line += f", of those with a kernel {times_words(figures.mean_correct)}"
            lines.append(f"{line}; faster for sure: {figures.surely}")
    if found.correct < found.problems:
        lines.append("a problem without a kernel is in every fast_p and counts as 1× in the means, as 0 in light")
    lines.append("light: share of the gap to this machine's bound that was closed; --json lists what it assumes")
    out = [row for row in rows if row.status == "quarantined"]
    if out:
        lines.append(f"left out, since they fail their audit: {len(out)}")
        lines += [f"  {row.id}: {row.reason}" for row in out]
    rest = without_kernel(rows)
    waiting = [row for row in rest if row.status == "waiting"]
    if len(rest) > len(waiting):
        lines.append(f"without a kernel: {len(rest) - len(waiting)}")
        lines += [f"  {row.id}: {row.status}: {row.reason}" for row in rest if row.status != "waiting"]
    if waiting:
        lines.append(f"not yet at work on: {len(waiting)}")
    if not results.finished:
        lines.append("to go on: the same command once more")
    return lines


def without_kernel(rows: Iterable[Row]) -> list[Row]:
    """The problems that count and have no verified kernel."""
    return [row for row in rows if not row.correct and row.status != "quarantined"]


def environment(rows: Iterable[Row]) -> dict[str, Any]:
    """What the runs say of their machine, each once; several values are joined where they differ."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.environment.items():
            if name != "noise_floor" and value is not None:
                found.setdefault(name, []).append(str(value))
    return {name: ", ".join(dict.fromkeys(values)) for name, values in found.items()}


def name_of(row: Row) -> str:
    """What people call a problem: its title without its place in the suite and the sizes that it was shrunk to."""
    title = row.title.partition(" (made smaller")[0]
    return title.rpartition(": ")[2] if title.startswith("KernelBench") else title or row.id


def ends_words(ends: Ends | None) -> str:
    """A speedup with its interval: "2.31× [2.25, 2.36]"."""
    if ends is None:
        return "–"
    middle, low, high = ends
    return f"{ratio(middle)}× [{ratio(low)}, {ratio(high)}]" if math.isfinite(high) else f"{ratio(middle)}×, one pair"


def times_words(value: float | None) -> str:
    """A speedup without its interval."""
    return f"{ratio(value)}×" if value is not None else "–"


def share_words(value: float | None) -> str:
    """A share of a gap."""
    return f"{value:.2f}" if value is not None else "–"
