"""What every strategy must keep to.

Subclass :class:`StrategyContract` and say how yours is made::

class TestMine(StrategyContract):
    def make(self) -> Strategy:
        return Mine()
"""

from __future__ import annotations

import json
import random

from warploom.archive.islands import Archive
from warploom.search.strategy import Strategy
from warploom.testing.synthetic import (
    GENES,
    LEVELS,
    genes_of,
    synthetic_candidate,
    synthetic_evaluation,
    synthetic_fitness,
)
from warploom.values.candidate import Lineage, Proposal
from warploom.values.request import Feedback, Individual, Request


class StrategyContract:
    """A suite for pytest. Everything here holds for any archive that holds its seed."""

    def make(self) -> Strategy:
        """A fresh strategy."""
        raise NotImplementedError

    def test_asks_from_the_archive_alone(self) -> None:
        """Parents and inspirations are members of the archive (or the strategy was told of them)."""
        strategy, archive, told = self._after(60)
        for number in range(100, 150):
            request = strategy.ask(archive, random.Random(number), number, 0.5)
            assert request.number == number
            assert request.progress == 0.5
            assert len(request.parents) >= 1
            assert 0 <= request.island < len(archive.islands)
            for one in (*request.parents, *request.inspirations):
                assert one.candidate.id in told
            assert request.parents[0].candidate.id not in {one.candidate.id for one in request.inspirations}

    def test_asking_changes_nothing(self) -> None:
        """The same archive, state and random numbers give the same request, as often as it is asked."""
        strategy, archive, _ = self._after(60)
        before = json.dumps(strategy.snapshot())
        first = strategy.ask(archive, random.Random(3), 61, 0.4)
        for number in range(62, 80):
            strategy.ask(archive, random.Random(number), number, 0.4)
        assert strategy.ask(archive, random.Random(3), 61, 0.4) == first
        assert json.dumps(strategy.snapshot()) == before

    def test_a_restored_strategy_asks_the_same(self) -> None:
        """A snapshot goes through JSON and back without loss."""
        strategy, archive, _ = self._after(90)
        other = self.make()
        other.restore(json.loads(json.dumps(strategy.snapshot())))
        for number in range(91, 130):
            asked = strategy.ask(archive, random.Random(number), number, 0.7)
            assert other.ask(archive, random.Random(number), number, 0.7) == asked

    def test_survives_failures_and_declines(self) -> None:
        """A run in which nothing works still gets requests."""
        strategy, archive, _ = self._after(1)
        for number in range(1, 80):
            request = strategy.ask(archive, random.Random(number), number, number / 80)
            if number % 2:
                strategy.declined(request)
            else:
                strategy.tell(_feedback(request, archive, failing=1.0))
        assert strategy.ask(archive, random.Random(0), 81, 1.0).parents

    def test_starts_from_the_seed(self) -> None:
        """With nothing else known, the seed is the parent."""
        strategy, archive, _ = self._after(1)
        request = strategy.ask(archive, random.Random(0), 1, 0.0)
        assert archive.seed is not None
        assert request.parents[0].candidate == archive.seed.candidate

    def _after(self, evaluations: int) -> tuple[Strategy, Archive, set[str]]:
        """Strategy and archive after so many evaluations, with the ids that were told; the first is the seed."""
        strategy = self.make()
        archive = Archive(2, 20)
        seed = Request(0, "seed", (), (), None, 0, 0)
        strategy.tell(_feedback(seed, archive))
        told = {archive.seed.candidate.id} if archive.seed else set()
        for number in range(1, evaluations):
            request = strategy.ask(archive, random.Random(number), number, number / evaluations)
            feedback = _feedback(request, archive, failing=0.2)
            strategy.tell(feedback)
            told.add(feedback.proposal.candidate.id)
        return strategy, archive, told


def _feedback(request: Request, archive: Archive, failing: float = 0.0) -> Feedback:
    """Answer a request with a random neighbour, admit it, and say what came of it."""
    rng = random.Random(request.seed + request.number)
    genes = list(genes_of(request.parents[0].candidate)) if request.parents else [0] * GENES
    if request.parents:
        genes[rng.randrange(GENES)] = rng.randrange(LEVELS)
    candidate = synthetic_candidate(tuple(genes))
    proposal = Proposal(candidate, Lineage(tuple(one.candidate.id for one in request.parents), "contract"))
    evaluation = synthetic_evaluation(candidate, failing=failing)
    fitness: float | None = None
    status = "failed"
    if hasattr(evaluation, "timings"):
        fitness = synthetic_fitness(tuple(genes))
        cell = (genes[0] // 5, genes[1] // 5, genes[2] // 5)
        status = archive.admit(Individual(candidate, proposal.lineage, fitness, cell, request.island))
    return Feedback(
        request=request,
        proposal=proposal,
        evaluation=evaluation,
        fitness=fitness,
        parent_fitness=request.parents[0].fitness if request.parents else None,
        best_before=None,
        status=status,
    )
