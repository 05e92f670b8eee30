"""All that the page tells, gathered from a journal once; afterwards the journal may be closed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from warploom.archive.encode import to_plain
from warploom.archive.journal import Journal
from warploom.archive.remeasured import remeasured
from warploom.report.html.family import Kin, Step, family, way_to
from warploom.report.html.figures.speedup import Climb
from warploom.report.html.history import History
from warploom.report.html.payers import Payer, by_move, by_operator, by_proposer
from warploom.report.html.roof import Roof, roof
from warploom.report.html.stages import Stages, stages
from warploom.report.spending import ModelsReport
from warploom.search.best.evidence import resolved_sources
from warploom.values.candidate import Proposal
from warploom.values.outcome import Passed


class Story:
    """A run, ready to be told.

    Args:
        journal: open for reading.
        history: what happened, where it is known already.

    Attributes:
        name: of the run: its folder's own name.
        mark: of the run, wherever it lies: what it was begun with, and where.
        history: what happened.
        best: the promoted candidate; None before there is one.
        passed: its evaluation when it was measured again.
        seed: what the run started from; None before it was proposed.
        kernel: the best's source with its parameters written in, "" before there is one.
        start: the seed's, likewise.
        way: the steps from the seed to the best.
        kin: the family tree of the elites.
        roof: the roofline; None where it is unknown.
        stages: where the time went.
        models: what models cost.
    """

    def __init__(self, journal: Journal, history: History | None = None) -> None:
        self.name = journal.folder.resolve().name
        self.mark = hashlib.sha256(json.dumps(to_plain(journal.started), sort_keys=True).encode()).hexdigest()[:16]
        self.history = history = history or History(journal)
        self.best = journal.proposal(history.best.candidate) if history.best else None
        evaluation = remeasured(journal, self.best.candidate.id) if self.best else None
        self.passed = evaluation if isinstance(evaluation, Passed) else None
        self.seed = journal.proposal(history.seed.candidate) if history.seed else None
        self.kernel, self.start = _source(self.best), _source(self.seed)
        self.way: list[Step] = way_to(journal, self.best.candidate.id, history.by_id) if self.best else []
        self.kin: list[Kin] = family(
            journal, self._elites(), self.best.candidate.id if self.best else "", history.by_id
        )
        screened = journal.evaluation(self.seed.candidate.id) if self.seed else None
        self.roof: Roof | None = roof(history.started.problem, history.environment, screened, self.passed)
        self.stages: Stages = stages(journal, history.judged, history.trials, history.seconds)
        self.models = ModelsReport(journal.conversations.by_model(), history.tally)

    def _elites(self) -> list[str]:
        """Ids of all elites, the fittest first, each once."""
        stands = [stand for elites in self.history.filling.now.islands for stand in elites.values()]
        return list(dict.fromkeys(one.candidate for one in sorted(stands, key=lambda one: -one.fitness)))

    @property
    def problem(self) -> Mapping[str, Any]:
        """The problem as the run's first event has it."""
        return self.history.started.problem

    @property
    def noise_floor(self) -> float:
        """Smallest difference of log speedups that means anything; 0 where it is unknown."""
        return noise_floor(self.history, self.passed)

    @property
    def busy(self) -> object:
        """Share of the machine that was at work for others when the best was measured."""
        return self.passed.environment.get("busy") if self.passed else None

    @property
    def climb(self) -> Climb:
        """What the chart of the speedup shows."""
        return climb(self.history, self.noise_floor)

    @property
    def absent(self) -> dict[str, str]:
        """Baselines that could not be timed, and why."""
        found: dict[str, str] = {}
        baselines = self.history.environment.get("baselines", {})
        for name, settings in baselines.items() if isinstance(baselines, Mapping) else ():
            reasons = settings.get("absent", {}) if isinstance(settings, Mapping) else {}
            if reasons:
                found[str(name)] = str(next(iter(reasons.values())))
        return found

    @property
    def proposers(self) -> list[Payer]:
        """Who paid."""
        return by_proposer(self.history.judged, self.noise_floor)

    @property
    def operators(self) -> list[Payer]:
        """What paid."""
        return by_operator(self.history.judged, self.noise_floor)

    @property
    def moves(self) -> list[Payer]:
        """Which rewrites paid."""
        return by_move(self.history.judged, self.noise_floor)


def noise_floor(history: History, passed: Passed | None) -> float:
    """Smallest difference of log speedups that means anything, where the best was measured; 0 where it is unknown."""
    for stated in (passed.environment if passed else {}, history.environment):
        found = stated.get("noise_floor")
        if isinstance(found, int | float):
            return float(found)
    return 0.0


def climb(history: History, floor: float) -> Climb:
    """What the chart of the speedup shows; ``floor`` is the smallest difference that means anything."""
    best = history.best
    compiled = None
    if best is not None and "compile" in best.speedup:
        compiled = math.exp(best.fitness) / best.speedup["compile"][0]
    return Climb(history.judged, history.records, history.trials, floor, compiled)


def _source(proposal: Proposal | None) -> str:
    return resolved_sources(proposal.candidate)[0][1] if proposal else ""
