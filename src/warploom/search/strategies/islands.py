"""Islands of MAP-Elites grids: parents are chosen by cell, with optimism for good cells and for little-tried ones.

Sources: MAP-Elites (Mouret and Clune 2015); cells chosen by an upper confidence bound (Auer et al. 2002) turned into
a soft choice, so that no cell is shut out; islands with ring migration (Cantú-Paz 1998).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from warploom.archive.grid import Grid, Place
from warploom.archive.islands import Archive
from warploom.search.strategies.opening import Opening
from warploom.values.behaviour import Resolution
from warploom.values.request import Cell, Feedback, Individual, Request

WARMTH = 0.35
"""A cell this much slower (in log speedup) than the island's best is chosen e times less often."""

CURIOSITY = 0.6
"""Weight of the bonus for cells that were little tried."""

FROM_BENCH = 0.2
"""Share of the parents that are runners-up instead of elites."""

MOST_INSPIRATIONS = 3

AIMED = 0.3
"""Share of the requests, after the opening, that want a kernel for an empty cell beside the parent's."""


class Islands:
    """The default strategy.

    Args:
        resolution: of the cells, to know which of them are empty; None aims at none.
        runners_up: whether runners-up can be partners too: programs that differ in numbers alone share a cell.
    """

    def __init__(self, resolution: Resolution | None = None, *, runners_up: bool = False) -> None:
        self._resolution = resolution
        self._runners_up = runners_up
        self._opening = Opening()
        self._tries: dict[tuple[int, Cell], float] = {}

    def ask(self, archive: Archive, rng: random.Random, number: int, progress: float) -> Request:
        """A parent from the next island in turn; the seed while the opening lasts."""
        island = number % len(archive.islands)
        grid = archive.islands[island]
        opening = self._opening.lasts(progress)
        if archive.seed is not None and (opening or not grid.places):
            parent = archive.seed
        else:
            place = self._place(grid, island, rng)
            runners_up = bool(place.bench) and rng.random() < FROM_BENCH
            parent = rng.choice(place.bench) if runners_up else place.elite
        near = inspirations(grid, parent, rng, runners_up=self._runners_up)
        seed = rng.getrandbits(63)
        return Request(
            number=number,
            operator="",
            parents=(parent,),
            inspirations=with_visitor(near, archive, island, parent, number),
            target_cell=None if opening else self._target(grid, parent, seed),
            island=island,
            seed=seed,
            progress=progress,
        )

    def _target(self, grid: Grid, parent: Individual, seed: int) -> Cell | None:
        """Now and then an empty cell that differs from the parent's by one step on one axis."""
        rng = random.Random(f"target/{seed}")
        if self._resolution is None or rng.random() >= AIMED:
            return None
        empty = [cell for cell in self._resolution.beside(parent.cell) if cell not in grid.places]
        return rng.choice(empty) if empty else None

    def _place(self, grid: Grid, island: int, rng: random.Random) -> Place:
        places = list(grid.places.values())
        best = max(place.elite.fitness for place in places)
        tries = [self._tries.get((island, place.elite.cell), 0.0) for place in places]
        total = math.log1p(sum(tries))
        weights = [
            math.exp((place.elite.fitness - best) / WARMTH + CURIOSITY * math.sqrt(total / (1 + count)))
            for place, count in zip(places, tries, strict=True)
        ]
        return rng.choices(places, weights)[0]

    def tell(self, feedback: Feedback) -> None:
        """Count the try for the parent's cell; one that paid hardly counts, so that the cell stays attractive."""
        self._opening.told()
        self._count(feedback.request, 0.25 if feedback.status in ("new", "improved") else 1.0)

    def declined(self, request: Request) -> None:
        """Count a try: a cell whose members give nothing new is left to others."""
        self._opening.declined()
        self._count(request, 1.0)

    def _count(self, request: Request, tries: float) -> None:
        if request.parents:
            key = (request.island, request.parents[0].cell)
            self._tries[key] = self._tries.get(key, 0.0) + tries

    def snapshot(self) -> dict[str, Any]:
        """The opening, and tries of each island's cells."""
        return {
            "opening": self._opening.snapshot(),
            "tries": [[island, list(cell), count] for (island, cell), count in self._tries.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._opening.restore(state.get("opening", {}))
        self._tries = {(island, tuple(cell)): count for island, cell, count in state["tries"]}


def inspirations(
    grid: Grid, parent: Individual, rng: random.Random, *, runners_up: bool = False
) -> tuple[Individual, ...]:
    """A few elites of other cells of the same island, or of all its members; the first is the partner of a crossover.

    The partner is drawn with odds by fitness; the rest follow best first.
    """
    members = grid.everyone() if runners_up else grid.elites
    others = [one for one in members if one.candidate.id != parent.candidate.id]
    if not others:
        return ()
    best = max(one.fitness for one in others)
    weights = [math.exp((one.fitness - best) / (2 * WARMTH)) for one in others]
    partner = rng.choices(others, weights)[0]
    rest = sorted((one for one in others if one is not partner), key=lambda one: -one.fitness)
    return (partner, *_distinct(rest, partner))


def with_visitor(
    near: tuple[Individual, ...], archive: Archive, island: int, parent: Individual, number: int
) -> tuple[Individual, ...]:
    """The inspirations with the best of another island as the last of them; the partner stays the first.

    Args:
        near: from the island that asks; where it has none, there is no visitor either.
        archive: all islands, which take turns in sending one.
        island: the one that asks.
        parent: never its own inspiration.
        number: of the request.
    """
    count = len(archive.islands)
    if count < 2 or not near:
        return near
    visitor = archive.islands[(island + 1 + number // count % (count - 1)) % count].best()
    known = {parent.candidate.id, *(one.candidate.id for one in near[: MOST_INSPIRATIONS - 1])}
    if visitor is None or visitor.candidate.id in known:
        return near
    return (*near[: MOST_INSPIRATIONS - 1], visitor)


def _distinct(ordered: Sequence[Individual], partner: Individual) -> list[Individual]:
    seen = {partner.candidate.id}
    kept = []
    for one in ordered:
        if one.candidate.id not in seen:
            seen.add(one.candidate.id)
            kept.append(one)
    return kept[: MOST_INSPIRATIONS - 1]
