"""How a run stands, as the JSON object of ``evolve``, ``resume``, ``show`` and ``best``, and as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.archive.journal import Journal
from warploom.archive.rebuild import rebuild_archive
from warploom.archive.remeasured import remeasured
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
from warploom.report.progress import clock_face, made_by
from warploom.report.score import score_lines, score_object
from warploom.report.sparkline import sparkline
from warploom.report.spending import ModelsReport
from warploom.report.tally import Tally
from warploom.search.best.folder import kernel_path
from warploom.search.best.missing import why_missing
from warploom.search.noise import noise_floor, percent
from warploom.values.ends import ends_of
from warploom.values.event import NotPromoted, Promoted, Proposed, RunEnded, RunPaused, RunResumed
from warploom.values.measure import SPEEDUP, Measure, measure_of
from warploom.values.outcome import Passed
from warploom.values.request import Individual
from warploom.values.speedup import speedup

Measurement = Literal["screened", "refused", "promoted", "best"]
"""Where a figure comes from: "screened" once, while the run went; all others from a second measurement, in a fresh
process and side by side with the best there was. "refused": it was not promoted; "promoted": it was the best once."""

SCREENED = "screened: measured once; all others again, side by side with the best there was"
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
        self._first = ""
        self.remeasured: dict[str, bool] = {}
        """The candidates whose figures are those of a second measurement, and whether they were promoted by it."""
        for event in journal.events():
            self.tally.add(event)
            if isinstance(event, Proposed):
                self._first = self._first or event.candidate
            elif isinstance(event, Promoted | NotPromoted):
                self.remeasured[event.candidate] = isinstance(event, Promoted)
            elif isinstance(event, RunEnded | RunPaused):
                self.ended, self.finished = event.reason, isinstance(event, RunEnded)
            elif isinstance(event, RunResumed):
                self.ended, self.finished = "", False
        self.started = journal.started
        self.measure = measure_of(self.started.config)
        self.models = ModelsReport(journal.conversations.by_model(), self.tally)
        promoted = self.tally.promoted
        self.best = promoted.candidate if promoted else ""
        self.missing = "" if self.best else why_missing(journal)
        evaluation = remeasured(journal, self.best) if self.best else None
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

    @property
    def noise_floor(self) -> float | None:
        """Smallest difference of log speedups that means anything; None where nothing was timed."""
        return noise_floor(self.passed) if self.passed and self.passed.timings else None

    def _rows(self) -> list[Individual]:
        """The best, which need not be an elite, and then the elites, each once, the fittest first."""
        champion = self.archive.champion
        first = [champion] if champion is not None and champion.candidate.id == self.best else []
        found: dict[str, Individual] = {}
        for one in [*first, *self.elites]:
            found.setdefault(one.candidate.id, one)
        return sorted(found.values(), key=lambda one: (one.candidate.id != self.best, -one.fitness))

    def measured(self, one: Individual) -> Measurement:
        """Which of its measurements an elite's figures come from."""
        if one.candidate.id == self.best:
            return "best"
        held = self.remeasured.get(one.candidate.id)
        return "screened" if held is None else "promoted" if held else "refused"

    def _nothing_better(self) -> Iterator[str]:
        """What the search did not find, in words: nothing better than the seed, nothing better than eager."""
        over_eager = speedup(self.passed.timings) if self.passed else None
        if self.noise_floor is None or over_eager is None:
            return
        if self.best == self._first:
            yield f"nothing was found that beats the seed by more than the noise floor of {percent(self.noise_floor)}"
        if over_eager.low <= math.exp(self.noise_floor):
            yield f"not faster than PyTorch eager for sure: the noise floor is {percent(self.noise_floor)}"

    def to_object(self) -> dict[str, Any]:
        """Everything, as JSON values.

        Returns:
            ``run``, ``problem``, ``best`` (a candidate's id, "" before there is one), the paths ``kernel`` and
            ``evidence``, ``evaluations``, ``failures`` by kind, ``speedup`` by baseline, ``over_the_best_before``
            (side by side, null for the first), ``busy`` (share of the machine at work for others when that was
            measured), ``noise_floor`` (of that measurement, a difference of log speedups; null before there is one),
            ``score`` (of a program; null for a kernel), ``workloads``, ``elites``, ``models`` (see
            :meth:`.spending.ModelsReport.to_object`), ``minutes``, ``ended`` and ``finished``.
        """
        timings, score = (self.passed.timings, self.passed.score) if self.passed else ((), None)
        evidence = self.folder / "best" / "evidence.json"
        return {
            "run": str(self.folder),
            "problem": self.tally.problem,
            "best": self.best,
            "kernel": str(kernel_path(self.folder)) if self.best else "",
            "evidence": str(evidence) if self.best and not score else "",
            "evaluations": self.tally.evaluations,
            "passed": self.tally.passed,
            "failures": dict(self.tally.failures),
            "declined": self.tally.declined,
            "promotions": self.tally.promotions,
            "speedup": speedups_object(timings),
            "over_the_best_before": speedup_object(speedup(timings, INCUMBENT)),
            "busy": self._busy,
            "noise_floor": self.noise_floor,
            "workloads": workload_rows(timings, self._round_trip),
            "elites": [elite_object(one, self.measure, self.measured(one)) for one in self.elites],
            "score": score_object(score) if score else None,
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
            yet = "" if self.finished else " yet"
            parts.append(Text(f"No {self.measure.what} has been promoted{yet}.", style="bold"))
            parts += [Text(self.missing)] if self.finished else []
        elif self.passed.score is not None:
            parts += [self._title(), *score_lines(self.passed.score, artifacts=False), Text()]
            parts.append(Text(f"program   {kernel_path(self.folder)}"))
        else:
            parts += [self._title(), *speedup_lines(self.passed.timings, self.absent)]
            parts += [Text(said, style="yellow") for said in self._nothing_better()]
            parts += [*cautions(self.passed.environment), Text()]
            parts += [times_table(self.passed.timings, self._round_trip), Text()]
            parts.append(Text(f"kernel    {kernel_path(self.folder)}"))
            parts.append(Text(f"evidence  {self.folder / 'best' / 'evidence.json'}"))
        parts.append(Text(f"run       {self._spent()}"))
        if said := self.models.line():
            parts.append(Text(f"models    {said}"))
        if gaps := self.sandbox.get("gaps"):
            parts.append(Text(f"sandbox   not protected: {'; '.join(map(str, gaps))}", style="yellow"))
        diff = f" · warploom diff {self.folder} --seed" if self.best else ""
        parts.append(Text(f"more      warploom show {self.folder}{diff}", style="dim"))
        if not self.finished:
            parts.append(Text(f"go on     warploom resume {self.folder}", style="dim"))
        return Group(*parts)

    def _title(self) -> Text:
        """The problem, and the promoted candidate that the figures below are about."""
        return Text.assemble((self.tally.problem, "bold"), f", the best: {self.best}, promoted")

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
        rows = self._rows()
        if rows:
            parts += [Text(), elites_table([(one, self.measured(one)) for one in rows[:MOST_ELITES]], self.measure)]
            if len(rows) > MOST_ELITES:
                parts.append(Text(f"and {len(rows) - MOST_ELITES} more: --json has them all", style="dim"))
            if any(self.measured(one) == "screened" for one in rows[:MOST_ELITES]):
                parts.append(Text(SCREENED, style="dim"))
        return Group(*parts)


def elite_object(one: Individual, measure: Measure = SPEEDUP, measured: Measurement = "screened") -> dict[str, Any]:
    """An elite: id, island, cell, speedup over eager with its interval (or score), its origin, how it was made."""
    low, high = ends_of(one)
    ends = {"median": one.fitness, "low": low, "high": high}
    shown = {name: measure.value(end) for name, end in ends.items()}
    return {
        "candidate": one.candidate.id,
        "island": one.island,
        "cell": list(one.cell),
        measure.name: shown if measure is SPEEDUP else measure.value(one.fitness),
        "measured": measured,
        "operator": one.lineage.operator or one.lineage.proposer,
        "steps": [str(step) for step in one.lineage.steps],
    }


def elites_table(elites: list[tuple[Individual, Measurement]], measure: Measure = SPEEDUP) -> Table:
    """One line an elite."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("elite", no_wrap=True, min_width=16)
    table.add_column("isle", justify="right", no_wrap=True, min_width=4)
    table.add_column("cell", no_wrap=True, min_width=5)
    table.add_column(measure.column, no_wrap=True, min_width=18)
    table.add_column("measured", no_wrap=True, min_width=8)
    table.add_column("made by")
    for one, measured in elites:
        made = one.lineage.operator or one.lineage.proposer
        note = one.lineage.note or (str(one.lineage.steps[-1]) if one.lineage.steps else "")
        table.add_row(
            one.candidate.id,
            str(one.island),
            ",".join(str(level) for level in one.cell),
            measure.interval(one.fitness, ends_of(one)),
            Text(measured, style="bold" if measured == "best" else ""),
            # Text, since brackets are no markup here; it alone gives way where there is no room.
            Text(made_by(made, note), no_wrap=True, overflow="ellipsis"),
        )
    return table
