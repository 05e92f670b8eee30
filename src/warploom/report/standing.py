"""How a run stands, as the JSON object of ``evolve``, ``resume``, ``show`` and ``best``, and as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.archive.journal import Journal
from warploom.archive.rebuild import rebuild_archive
from warploom.judge.promotion import INCUMBENT
from warploom.report.evaluation import (
    cautions,
    round_trip,
    speedup_lines,
    speedup_object,
    speedups_object,
    times_table,
    workload_rows,
)
from warploom.report.progress import clock_face, interval, made_by
from warploom.report.sparkline import sparkline
from warploom.report.spending import ModelsReport
from warploom.report.tally import Tally
from warploom.search.best import kernel_path
from warploom.values.event import RunEnded, RunPaused, RunResumed
from warploom.values.outcome import Passed
from warploom.values.request import Individual
from warploom.values.speedup import speedup

MOST_ELITES = 12
"""Elites that the text shows; the JSON object has all."""


class RunReport:
    """What a journal says, read once.

    Args:
        journal: open for reading, or the run's own.
    """

    def __init__(self, journal: Journal) -> None:
        self.folder = journal.folder
        self.tally = Tally()
        self.ended = ""
        self.finished = False
        self.seconds = journal.elapsed
        for event in journal.events():
            self.tally.add(event)
            if isinstance(event, RunEnded | RunPaused):
                self.ended, self.finished = event.reason, isinstance(event, RunEnded)
            elif isinstance(event, RunResumed):
                self.ended, self.finished = "", False
        self.started = journal.started
        self.models = ModelsReport(journal.conversations.by_model(), self.tally)
        promoted = self.tally.promoted
        self.best = promoted.candidate if promoted else ""
        evaluation = journal.evaluation(self.best, "promote") if self.best else None
        self.passed = evaluation if isinstance(evaluation, Passed) else None
        self.archive = rebuild_archive(journal)

    @property
    def elites(self) -> list[Individual]:
        """Elites of all islands, the fittest first."""
        return sorted(self.archive.elites(), key=lambda one: -one.fitness)

    @property
    def sandbox(self) -> Mapping[str, Any]:
        """What the judge said of its sandbox."""
        found = self.started.environment.get("sandbox", {})
        return found if isinstance(found, Mapping) else {"name": str(found)}

    @property
    def absent(self) -> dict[str, str]:
        """Baselines that could not be timed, and why."""
        found: dict[str, str] = {}
        baselines = self.started.environment.get("baselines", {})
        for name, settings in baselines.items() if isinstance(baselines, Mapping) else ():
            reasons = settings.get("absent", {}) if isinstance(settings, Mapping) else {}
            if reasons:
                found[name] = str(next(iter(reasons.values())))
        return found

    @property
    def _round_trip(self) -> float | None:
        return round_trip(self.passed) if self.passed else None

    @property
    def _busy(self) -> object:
        return self.passed.environment.get("busy") if self.passed else None

    def to_object(self) -> dict[str, Any]:
        """Everything, as JSON values.

        Returns:
            ``run``, ``problem``, ``best`` (a candidate's id, "" before there is one), the paths ``kernel`` and
            ``evidence``, ``evaluations``, ``failures`` by kind, ``speedup`` by baseline, ``over_the_best_before``
            (side by side, null for the first), ``busy`` (share of the machine at work for others when that was
            measured), ``workloads``, ``elites``, ``models`` (see :meth:`.spending.ModelsReport.to_object`),
            ``minutes``, ``ended`` and ``finished``.
        """
        timings = self.passed.timings if self.passed else ()
        best = self.folder / "best"
        return {
            "run": str(self.folder),
            "problem": self.tally.problem,
            "best": self.best,
            "kernel": str(kernel_path(self.folder)) if self.best else "",
            "evidence": str(best / "evidence.json") if self.best else "",
            "evaluations": self.tally.evaluations,
            "passed": self.tally.passed,
            "failures": dict(self.tally.failures),
            "declined": self.tally.declined,
            "promotions": self.tally.promotions,
            "speedup": speedups_object(timings),
            "over_the_best_before": speedup_object(speedup(timings, INCUMBENT)),
            "busy": self._busy,
            "workloads": workload_rows(timings, self._round_trip),
            "elites": [elite_object(one) for one in self.elites],
            "models": self.models.to_object(),
            "minutes": round(self.seconds / 60, 3),
            "ended": self.ended,
            "finished": self.finished,
            "absent_baselines": self.absent,
            "sandbox": dict(self.sandbox),
            "config": dict(self.started.config),
        }

    def summary(self) -> RenderableType:
        """The end of a run for people: what was reached, workload by workload, and where the kernel lies."""
        parts: list[RenderableType] = []
        if self.passed is None:
            parts.append(Text("No kernel has been promoted yet.", style="bold"))
        else:
            parts += [Text(self.tally.problem, style="bold"), *speedup_lines(self.passed.timings, self.absent)]
            parts += [*cautions(self.passed.environment), Text()]
            parts += [times_table(self.passed.timings, self._round_trip), Text()]
            parts.append(Text(f"kernel    {kernel_path(self.folder)}"))
            parts.append(Text(f"evidence  {self.folder / 'best' / 'evidence.json'}"))
        parts.append(Text(f"run       {self._spent()}"))
        if said := self.models.line():
            parts.append(Text(f"models    {said}"))
        if gaps := self.sandbox.get("gaps"):
            parts.append(Text(f"sandbox   not protected: {'; '.join(map(str, gaps))}", style="yellow"))
        parts.append(Text(f"more      warploom show {self.folder} · warploom diff {self.folder} --seed", style="dim"))
        if not self.finished:
            parts.append(Text(f"go on     warploom resume {self.folder}", style="dim"))
        return Group(*parts)

    def _spent(self) -> str:
        tally = self.tally
        line = f"{tally.evaluations} candidates judged in {clock_face(self.seconds)}, {tally.passed} passed"
        return f"{line}; {self.ended}" if self.ended else f"{line}; not ended"

    def overview(self) -> RenderableType:
        """What ``warploom show RUN`` prints: the summary, the failures, the curve and the elites."""
        tally = self.tally
        parts: list[RenderableType] = [self.summary(), Text()]
        if len(tally.curve) > 1:
            parts.append(Text(sparkline(tally.curve, 60), style="cyan"))
        if tally.failures:
            counts = " · ".join(f"{kind} {count}" for kind, count in tally.failures.most_common())
            parts.append(Text(f"failures  {counts}"))
        elites = list({one.candidate.id: one for one in reversed(self.elites)}.values())[::-1]
        if elites:
            parts += [Text(), elites_table(elites[:MOST_ELITES])]
            if len(elites) > MOST_ELITES:
                parts.append(Text(f"and {len(elites) - MOST_ELITES} more: --json has them all", style="dim"))
        return Group(*parts)


def elite_object(one: Individual) -> dict[str, Any]:
    """An elite: id, island, cell, screened speedup over eager with its interval, and how it was made."""
    return {
        "candidate": one.candidate.id,
        "island": one.island,
        "cell": list(one.cell),
        "speedup": {
            "median": round(math.exp(one.fitness), 4),
            "low": round(math.exp(one.fitness - one.spread), 4),
            "high": round(math.exp(one.fitness + one.spread), 4),
        },
        "operator": one.lineage.operator or one.lineage.proposer,
        "steps": [str(step) for step in one.lineage.steps],
    }


def elites_table(elites: list[Individual]) -> Table:
    """One line an elite."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("elite", no_wrap=True, min_width=16)
    table.add_column("isle", justify="right", no_wrap=True, min_width=4)
    table.add_column("cell", no_wrap=True, min_width=5)
    table.add_column("vs eager", no_wrap=True, min_width=18)
    table.add_column("made by")
    for one in elites:
        made = one.lineage.operator or one.lineage.proposer
        note = one.lineage.note or (str(one.lineage.steps[-1]) if one.lineage.steps else "")
        table.add_row(
            one.candidate.id,
            str(one.island),
            ",".join(str(level) for level in one.cell),
            interval(one.fitness, one.spread),
            # Text, since brackets are no markup here; it alone gives way where there is no room.
            Text(made_by(made, note), no_wrap=True, overflow="ellipsis"),
        )
    return table
