"""Greedy search with restarts: always from the best since the last restart; back to the seed when nothing helps.

A control for the islands: it keeps one line of descent and looks at no cell.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from warploom.archive.encode import from_plain, to_plain
from warploom.archive.islands import Archive
from warploom.search.strategies.opening import Opening
from warploom.values.request import Feedback, Individual, Request

STAGNATION = 25
"""Restart after so many requests in a row that did not lead to a better candidate."""


class Greedy:
    """Best so far, with restarts after stagnation."""

    def __init__(self) -> None:
        self._opening = Opening()
        self._current: Individual | None = None
        self._previous: Individual | None = None
        self._stale = 0

    def ask(self, archive: Archive, rng: random.Random, number: int, progress: float) -> Request:
        """From the best of this line; the best of the line before is the partner of a crossover."""
        opening = self._current is None or self._opening.lasts(progress)
        parent = archive.seed if opening else self._current
        assert parent is not None
        partner = self._previous
        return Request(
            number=number,
            operator="",
            parents=(parent,),
            inspirations=(partner,) if partner and partner.candidate.id != parent.candidate.id else (),
            target_cell=None,
            island=0,
            seed=rng.getrandbits(63),
            progress=progress,
        )

    def tell(self, feedback: Feedback) -> None:
        """Move to a better candidate, or count towards a restart."""
        self._opening.told()
        fitness = feedback.fitness
        beaten = feedback.parent_fitness if self._current is None else self._current.fitness
        if fitness is not None and (beaten is None or fitness > beaten):
            proposal = feedback.proposal
            # It keeps no grid: the cell is not known here, and the parent's would be another one's.
            self._current = Individual(proposal.candidate, proposal.lineage, fitness, (), feedback.request.island)
            self._stale = 0
        else:
            self._stagnate()

    def declined(self, request: Request) -> None:
        """Nothing new from here counts as stagnation, and may end the opening."""
        self._opening.declined()
        self._stagnate()

    def _stagnate(self) -> None:
        self._stale += 1
        if self._stale >= STAGNATION and self._current is not None:
            if self._previous is None or self._current.fitness > self._previous.fitness:
                self._previous = self._current
            self._current = None
            self._stale = 0

    def snapshot(self) -> dict[str, Any]:
        """The opening, the line's best, the best of earlier lines, and how long nothing helped."""
        lines = {"current": to_plain(self._current), "previous": to_plain(self._previous), "stale": self._stale}
        return {"opening": self._opening.snapshot(), **lines}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._opening.restore(state.get("opening", {}))
        self._current = from_plain(Individual | None, state["current"])
        self._previous = from_plain(Individual | None, state["previous"])
        self._stale = state["stale"]
