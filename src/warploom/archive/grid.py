"""A MAP-Elites grid (Mouret and Clune 2015): the best of each kind of solution, not only the best of all.

An elite gives way only to a better one. Beside each elite sits a short bench of runners-up that are nearly as good,
so that neutral steps live long enough for the step after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from warploom.values.ends import Ends
from warploom.values.request import Cell, Individual

Status = Literal["new", "improved", "not_added"]

BENCH = 3
NEAR = 0.1
"""A runner-up is kept within this log speedup of its elite, or within the spread of its own measurement."""

SIMPLIFY = "simplify"
"""The operator that asks for the same speed with less code."""

SAME = 0.02
"""The same speed: less than this in log speedup apart, and less than the spread of the measurement."""


@dataclass
class Place:
    """One cell that is filled: its elite and those nearly as good, best first."""

    elite: Individual
    bench: list[Individual] = field(default_factory=list)


class Grid:
    """The cells of one island. Cost and size depend on the number of cells, never on how many were admitted."""

    def __init__(self) -> None:
        self._places: dict[Cell, Place] = {}

    def status(self, individual: Individual) -> Status:
        """What :meth:`admit` would answer."""
        place = self._places.get(individual.cell)
        if place is None:
            return "new"
        return "improved" if _better(individual, place.elite) else "not_added"

    def admit(self, individual: Individual) -> Status:
        """Offer an individual; an elite is replaced only by a better one, and then sits on the bench."""
        status = self.status(individual)
        if status == "new":
            self._places[individual.cell] = Place(individual)
            return status
        place = self._places[individual.cell]
        if status == "improved":
            place.bench.append(place.elite)
            place.elite = individual
        else:
            place.bench.append(individual)
        self._trim(place)
        return status

    def remove(self, candidate: str) -> None:
        """Take a candidate out; the best of the bench moves up."""
        for cell, place in list(self._places.items()):
            place.bench = [one for one in place.bench if one.candidate.id != candidate]
            if place.elite.candidate.id == candidate:
                if place.bench:
                    place.elite = place.bench.pop(0)
                else:
                    del self._places[cell]

    def remeasure(self, candidate: str, fitness: float, spread: float, ends: Ends | None = None) -> None:
        """Set what a better measurement said; elite and bench change places when that changes their order."""
        for place in self._places.values():
            everyone = [place.elite, *place.bench]
            if any(one.candidate.id == candidate for one in everyone):
                renewed = [
                    replace(one, fitness=fitness, spread=spread, ends=ends) if one.candidate.id == candidate else one
                    for one in everyone
                ]
                place.elite = max(renewed, key=lambda one: one.fitness)
                place.bench = [one for one in renewed if one is not place.elite]
                self._trim(place)

    def _trim(self, place: Place) -> None:
        floor = place.elite.fitness
        seen = {place.elite.candidate.id}
        kept = []
        for one in sorted(place.bench, key=lambda one: -one.fitness):
            if one.candidate.id not in seen and one.fitness >= floor - max(NEAR, one.spread):
                kept.append(one)
                seen.add(one.candidate.id)
        place.bench = kept[:BENCH]

    @property
    def elites(self) -> list[Individual]:
        """One an occupied cell, in the order in which the cells were filled."""
        return [place.elite for place in self._places.values()]

    @property
    def places(self) -> dict[Cell, Place]:
        """The occupied cells."""
        return self._places

    def everyone(self) -> Iterator[Individual]:
        """Elites and their benches."""
        for place in self._places.values():
            yield place.elite
            yield from place.bench

    def best(self) -> Individual | None:
        """The fittest; None while the grid is empty."""
        return max(self.elites, key=lambda one: one.fitness, default=None)

    def put_back(self, elite: Individual, bench: list[Individual]) -> None:
        """Restore one cell as it was."""
        self._places[elite.cell] = Place(elite, bench)

    def __len__(self) -> int:
        return len(self._places)


def _better(individual: Individual, elite: Individual) -> bool:
    """Whether it is faster; or, of what was asked to be simpler, shorter than the elite it comes from and as fast."""
    if individual.fitness > elite.fitness:
        return True
    asked = individual.lineage.operator == SIMPLIFY and individual.lineage.parents[:1] == (elite.candidate.id,)
    slower = elite.fitness - individual.fitness
    return asked and slower <= min(individual.spread, SAME) and _length(individual) < _length(elite)


def _length(individual: Individual) -> int:
    return sum(len(text) for _, text in individual.candidate.sources)
