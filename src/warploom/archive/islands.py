"""The archive: islands that evolve apart, each with its own grid, and now and then send their best to the next.

Every change comes from an event, in order, so that a run that is resumed, replayed or looked at has the same archive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from warploom.archive.grid import Grid, Status
from warploom.values.behaviour import Resolution
from warploom.values.config import COMMAND, RunConfig
from warploom.values.ends import Ends
from warploom.values.event import Member
from warploom.values.measure import PROGRAM
from warploom.values.request import Individual
from warploom.values.target import VENDORS

Move = tuple[str, int, int]


def fitted_islands(evaluations: int) -> int:
    """How many islands a budget feeds: each needs some tens of evaluations to come to anything."""
    return max(1, min(6, int(math.sqrt(evaluations / 75) + 0.6)))


def fitted_interval(evaluations: int, islands: int) -> int:
    """Evaluations between two migrations: about five times in a short run, every 40 per island in a long one."""
    return max(8, min(evaluations // 6, 40 * islands))


def strategy_of(config: RunConfig) -> str:
    """The strategy that a configuration names or, by "auto", leaves to its budget; greedy won with kernels alone."""
    if config.strategy != "auto":
        return config.strategy
    asks_a_model = bool(config.models or config.replay) or config.proposer.startswith(COMMAND)
    many = config.islands > 0 or fitted_islands(config.evaluations) > 1
    return "islands" if asks_a_model or many or config.target == PROGRAM else "greedy"


def archive_for(config: RunConfig) -> Archive:
    """The empty archive that a run of this configuration starts with: islands as asked for, or as the budget feeds."""
    islands = config.islands or (fitted_islands(config.evaluations) if strategy_of(config) == "islands" else 1)
    return Archive(islands, fitted_interval(config.evaluations, islands))


def resolution_for(config: RunConfig) -> Resolution:
    """The cells of that archive."""
    islands = len(archive_for(config).islands)
    return Resolution.fit(config.evaluations, islands, gpu=config.target in VENDORS)


class Archive:
    """Islands of grids.

    Args:
        islands: how many.
        interval: evaluations between two migrations.
    """

    def __init__(self, islands: int, interval: int) -> None:
        self.islands: tuple[Grid, ...] = tuple(Grid() for _ in range(islands))
        self.interval = interval
        self.seed: Individual | None = None
        self.champion: Individual | None = None

    # ------------------------------------------------------------ change

    def status(self, individual: Individual) -> Status:
        """What :meth:`admit` would answer."""
        return self.islands[individual.island].status(individual)

    def admit(self, individual: Individual) -> Status:
        """Offer an individual to its own island, and to no other."""
        if self.seed is None:
            self.seed = individual
            for island, grid in enumerate(self.islands):
                if island != individual.island:
                    grid.admit(replace(individual, island=island))
        return self.islands[individual.island].admit(individual)

    def moves(self) -> list[Move]:
        """Who would go where now: the best of each island to its neighbour in the ring, unless it lives there."""
        count = len(self.islands)
        planned = []
        for island, grid in enumerate(self.islands):
            best = grid.best()
            target = (island + 1) % count
            if best is None or target == island:
                continue
            if all(one.candidate.id != best.candidate.id for one in self.islands[target].everyone()):
                planned.append((best.candidate.id, island, target))
        return planned

    def migrate(self, moves: tuple[Move, ...] | list[Move]) -> None:
        """Carry out planned moves; the elites stay at home as well."""
        found = [(self.find(candidate, source), target) for candidate, source, target in moves]
        for individual, target in found:
            if individual is not None:
                self.islands[target].admit(replace(individual, island=target))

    def remeasure(self, candidate: str, fitness: float, spread: float, ends: Ends | None = None) -> None:
        """Believe the better measurement, on every island."""
        for grid in self.islands:
            grid.remeasure(candidate, fitness, spread, ends)

    def remove(self, candidate: str) -> None:
        """Take out a candidate that failed when it was judged again."""
        for grid in self.islands:
            grid.remove(candidate)

    def promote(self, candidate: str, fitness: float, spread: float, ends: Ends | None = None) -> None:
        """The candidate held what it had shown: it is the champion from now on."""
        found = self.find(candidate)
        self.remeasure(candidate, fitness, spread, ends)
        if found is not None:  # a flattering screen may have pushed it out of its cell since
            self.champion = replace(found, fitness=fitness, spread=spread, ends=ends)

    def refuse(self, candidate: str, fitness: float | None, spread: float, ends: Ends | None = None) -> None:
        """The candidate did not hold what it had shown (``fitness`` is None when it failed this time).

        The champion comes back, should a false record have pushed it out of its cell. One that was measured once more
        may itself be refused.
        """
        if fitness is None:
            self.remove(candidate)
        else:
            self.remeasure(candidate, fitness, spread, ends)
        if self.champion is not None and self.champion.candidate.id == candidate:
            self.champion = None
        champion = self.champion
        if champion is not None and self.find(champion.candidate.id, champion.island) is None:
            self.admit(champion)

    # ------------------------------------------------------------ look

    def find(self, candidate: str, island: int | None = None) -> Individual | None:
        """An individual by its candidate's id."""
        grids = self.islands if island is None else (self.islands[island],)
        for grid in grids:
            for one in grid.everyone():
                if one.candidate.id == candidate:
                    return one
        return None

    def elites(self) -> list[Individual]:
        """All elites of all islands."""
        return [one for grid in self.islands for one in grid.elites]

    def everyone(self) -> Iterator[Individual]:
        """Elites and benches of all islands."""
        for grid in self.islands:
            yield from grid.everyone()

    def best(self) -> Individual | None:
        """The fittest of all."""
        return max(self.elites(), key=lambda one: one.fitness, default=None)

    # ------------------------------------------------------------ snapshot

    def snapshot(self) -> dict[str, Any]:
        """Ids, fitness and places as JSON values; the candidates themselves are in the journal."""
        return {
            "seed": _row(self.seed) if self.seed else None,
            "champion": _row(self.champion) if self.champion else None,
            "islands": [
                [[_row(place.elite), [_row(one) for one in place.bench]] for place in grid.places.values()]
                for grid in self.islands
            ],
        }

    def restore(self, state: Mapping[str, Any], individual: Callable[[Member], Individual]) -> None:
        """The inverse of :meth:`snapshot`; ``individual`` gives a member its candidate back."""
        self.seed = individual(_member(state["seed"])) if state["seed"] else None
        self.champion = individual(_member(state["champion"])) if state["champion"] else None
        self.islands = tuple(Grid() for _ in state["islands"])
        for grid, places in zip(self.islands, state["islands"], strict=True):
            for elite, bench in places:
                grid.put_back(individual(_member(elite)), [individual(_member(row)) for row in bench])


def member(individual: Individual) -> Member:
    """An individual as events name it."""
    place = (individual.cell, individual.island, individual.ends)
    return Member(individual.candidate.id, individual.fitness, individual.spread, *place)


def _row(individual: Individual) -> list[Any]:
    one = individual
    return [one.candidate.id, one.fitness, one.spread, list(one.cell), one.island, one.ends and list(one.ends)]


def _member(row: list[Any]) -> Member:
    candidate, fitness, spread, cell, island, *ends = row  # older snapshots have no ends
    return Member(candidate, fitness, spread, tuple(cell), island, tuple(ends[0]) if ends and ends[0] else None)
