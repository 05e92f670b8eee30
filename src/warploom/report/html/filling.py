"""The grids of the islands as the events tell them, and how they looked after 1, 2, 4, 8, … candidates.

The real archive holds candidates whole. This one follows the same events with ids and numbers alone, so that a long run
is drawn from a pass over small rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warploom.archive.grid import BENCH, NEAR
from warploom.archive.islands import archive_for, resolution_for
from warploom.values.behaviour import Resolution
from warploom.values.config import RunConfig
from warploom.values.ends import Ends
from warploom.values.event import Evaluated, Migrated, NotPromoted, Promoted
from warploom.values.request import Cell


@dataclass(frozen=True, slots=True)
class Stand:
    """A candidate in a cell: its id, log speedup, half-width of its interval, and the interval where it is known."""

    candidate: str
    fitness: float
    spread: float
    ends: Ends | None = None


Elites = dict[Cell, Stand]
"""The best of each cell that is filled."""


@dataclass(frozen=True)
class Frame:
    """The grids at one moment: how many candidates had been judged, and each island's elites."""

    after: int
    islands: tuple[Elites, ...]


class Filling:
    """Follows the events of a run."""

    def __init__(self) -> None:
        self.resolution = Resolution((2, 2, 2))
        self.frames: list[Frame] = []
        """One for each power of two, in order."""
        self._islands: list[dict[Cell, list[Stand]]] = [{}]
        self._judged = 0
        self._next = 1
        self._champion: tuple[Stand, Cell, int] | None = None
        self._home: dict[str, tuple[Cell, int]] = {}
        self._seeded = False

    def begin(self, config: Mapping[str, Any]) -> None:
        """The empty grids of a run."""
        read = RunConfig.from_mapping(config)
        self.resolution = resolution_for(read)
        self._islands = [{} for _ in archive_for(read).islands]

    @property
    def now(self) -> Frame:
        """The grids as they are."""
        return Frame(self._judged, tuple({cell: places[0] for cell, places in grid.items()} for grid in self._islands))

    def add(self, event: object, judged: int) -> None:
        """One event; ``judged`` candidates were judged by now."""
        match event:
            case Evaluated():
                self.was_judged(event, judged)
            case Migrated(moves):
                guests = [(self._find(candidate, source), target) for candidate, source, target in moves]
                for guest, target in guests:
                    if guest is not None:
                        self._offer(*guest, target)
            case Promoted(candidate, fitness, spread):
                fresh = Stand(candidate, fitness, spread, event.ends)
                self._remeasure(fresh)
                if candidate in self._home:
                    self._champion = fresh, *self._home[candidate]
            case NotPromoted(candidate, _, None):
                self._refused(candidate, None)
            case NotPromoted(candidate, _, float(fitness), spread, ends):
                self._refused(candidate, Stand(candidate, fitness, spread, ends))

    def was_judged(self, event: Evaluated, judged: int) -> None:
        """What came of a candidate, the ``judged``-th."""
        if judged > self._next:
            self.frames.append(self.now)
            self._next *= 2
        self._judged = judged
        if event.fitness is None or event.cell is None:
            return
        cell = tuple(event.cell)
        self._home[event.candidate] = cell, event.island
        added = not self._seeded or event.status != "not_added"
        if not (added or _finds_a_place(self._islands[event.island].get(cell), event.fitness, event.spread)):
            return  # as most of a long run
        stand = Stand(event.candidate, event.fitness, event.spread, event.ends)
        if not self._seeded:
            self._seeded = True
            for island in range(len(self._islands)):
                self._offer(stand, cell, island)
        elif event.status == "not_added":
            self._bench(stand, cell, event.island)
        else:
            self._take(stand, cell, event.island)

    def _offer(self, stand: Stand, cell: Cell, island: int) -> None:
        places = self._islands[island].get(cell)
        if places is None or stand.fitness > places[0].fitness:
            self._take(stand, cell, island)
        else:
            self._bench(stand, cell, island)

    def _take(self, stand: Stand, cell: Cell, island: int) -> None:
        self._islands[island][cell] = self._trimmed([stand, *self._islands[island].get(cell, ())])

    def _bench(self, stand: Stand, cell: Cell, island: int) -> None:
        places = self._islands[island].get(cell)
        if _finds_a_place(places, stand.fitness, stand.spread):
            self._islands[island][cell] = self._trimmed([*(places or ()), stand])

    def _trimmed(self, places: list[Stand]) -> list[Stand]:
        """The elite and the few that are nearly as good, as the archive keeps them."""
        elite = places[0]
        kept: dict[str, Stand] = {}
        for one in sorted(places[1:], key=lambda one: -one.fitness):
            if one.candidate != elite.candidate and _near(places, one.fitness, one.spread):
                kept.setdefault(one.candidate, one)
        return [elite, *list(kept.values())[:BENCH]]

    def _remeasure(self, fresh: Stand) -> None:
        candidate = fresh.candidate
        for grid in self._islands:
            for cell, places in grid.items():
                if any(one.candidate == candidate for one in places):
                    renewed = [fresh if one.candidate == candidate else one for one in places]
                    elite = max(renewed, key=lambda one: one.fitness)
                    grid[cell] = self._trimmed([elite, *(one for one in renewed if one is not elite)])

    def _refused(self, candidate: str, fresh: Stand | None) -> None:
        if self._champion is not None and self._champion[0].candidate == candidate:
            self._champion = None
        if fresh is not None:
            self._remeasure(fresh)
        else:
            for grid in self._islands:
                for cell, places in list(grid.items()):
                    left = [one for one in places if one.candidate != candidate]
                    if left:
                        grid[cell] = left
                    else:
                        del grid[cell]
        if self._champion is not None:
            stand, cell, island = self._champion
            if all(one.candidate != stand.candidate for one in self._islands[island].get(cell, ())):
                self._offer(stand, cell, island)

    def _find(self, candidate: str, island: int) -> tuple[Stand, Cell] | None:
        for cell, places in self._islands[island].items():
            for one in places:
                if one.candidate == candidate:
                    return one, cell
        return None


def _finds_a_place(places: Sequence[Stand] | None, fitness: float, spread: float) -> bool:
    """Whether it is kept beside those of its cell, the elite first and the others by fitness; it is in an empty one."""
    if places is None:
        return True
    full = len(places) > BENCH
    return not (full and fitness <= places[-1].fitness) and _near(places, fitness, spread)


def _near(places: Sequence[Stand], fitness: float, spread: float) -> bool:
    """Whether it is nearly as good as the elite of its cell."""
    return fitness >= places[0].fitness - max(NEAR, spread)
