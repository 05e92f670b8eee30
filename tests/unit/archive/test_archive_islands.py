from __future__ import annotations

import json
import random

import pytest

from warploom.archive.islands import Archive, fitted_interval, fitted_islands, member, resolution_for
from warploom.testing.synthetic import GENES, synthetic_candidate
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Lineage
from warploom.values.config import RunConfig
from warploom.values.event import Member
from warploom.values.request import Individual


def individual(number: int, fitness: float, island: int, cell: tuple[int, ...] = (0, 0, 0)) -> Individual:
    genes = tuple(number // 10**place % 10 for place in range(GENES))
    return Individual(synthetic_candidate(genes), Lineage(), fitness, cell, island)


def filled(islands: int = 3) -> Archive:
    archive = Archive(islands, 10)
    archive.admit(individual(0, 0.0, 0))
    rng = random.Random(0)
    for number in range(1, 60):
        cell = (rng.randrange(3), rng.randrange(2), 0)
        archive.admit(individual(number, rng.random(), number % islands, cell))
    return archive


def contents(archive: Archive, island: int) -> list[tuple[str, float]]:
    return [(one.candidate.id, one.fitness) for one in archive.islands[island].everyone()]


def test_every_island_starts_from_the_seed() -> None:
    archive = Archive(3, 10)
    archive.admit(individual(0, 0.0, 0))
    assert all(len(grid) == 1 for grid in archive.islands)
    assert [grid.elites[0].island for grid in archive.islands] == [0, 1, 2]


def test_island_isolation() -> None:
    """What is admitted to one island changes no other, whatever its fitness."""
    archive = filled()
    for island in range(3):
        before = [contents(archive, other) for other in range(3)]
        archive.admit(individual(700 + island, 10.0, island, (2, 1, 0)))
        for other in range(3):
            assert (contents(archive, other) == before[other]) == (other != island)


def test_migration_goes_round_the_ring_and_leaves_the_elites_at_home() -> None:
    archive = filled()
    best = [grid.best() for grid in archive.islands]
    moves = archive.moves()
    assert [(source, target) for _, source, target in moves] == [(0, 1), (1, 2), (2, 0)]
    archive.migrate(moves)
    for island, one in enumerate(best):
        assert one is not None
        assert archive.find(one.candidate.id, island) is not None
        moved = archive.islands[(island + 1) % 3].best()
        assert moved is not None
        assert moved.fitness >= one.fitness
        assert all(resident.island == island for resident in archive.islands[island].everyone())


def test_who_lives_next_door_already_does_not_move_again() -> None:
    archive = filled()
    archive.migrate(archive.moves())
    known = {(move[0], move[2]) for move in archive.moves()}
    for candidate, target in known:
        assert archive.find(candidate, target) is None


def test_a_single_island_has_nowhere_to_migrate_to() -> None:
    assert filled(1).moves() == []


def test_remeasuring_and_removing_reach_every_island() -> None:
    archive = filled()
    best = archive.best()
    assert best is not None
    archive.migrate(archive.moves())
    archive.remeasure(best.candidate.id, -5.0, 0.0)
    assert all(one.fitness == -5.0 for one in archive.everyone() if one.candidate.id == best.candidate.id)
    archive.remove(best.candidate.id)
    assert archive.find(best.candidate.id) is None


def test_a_false_record_does_not_cost_the_champion_its_place() -> None:
    archive = Archive(1, 10)
    archive.admit(individual(0, 0.0, 0))
    archive.admit(individual(1, 1.0, 0))
    archive.promote(individual(1, 0, 0).candidate.id, 0.9, 0.01)
    archive.admit(individual(2, 3.0, 0))
    assert archive.find(individual(1, 0, 0).candidate.id) is None
    archive.refuse(individual(2, 0, 0).candidate.id, 0.2, 0.01)
    best = archive.best()
    assert best is not None
    assert (best.candidate, best.fitness) == (individual(1, 0, 0).candidate, 0.9)


def test_a_champion_is_kept_whatever_has_pushed_it_out_of_its_cell() -> None:
    archive = Archive(1, 10)
    archive.admit(individual(0, 0.0, 0))
    archive.admit(individual(1, 1.0, 0))
    archive.admit(individual(2, 1.05, 0))
    archive.promote(individual(1, 0, 0).candidate.id, 0.2, 0.01)
    assert archive.find(individual(1, 0, 0).candidate.id) is None, "measured again it is too slow for its cell"
    assert archive.champion is not None
    assert (archive.champion.candidate, archive.champion.fitness) == (individual(1, 0, 0).candidate, 0.2)
    archive.promote("0" * 16, 3.0, 0.01)
    assert archive.champion is not None, "one that is in no cell any more does not take the champion away"


def test_one_that_failed_when_judged_again_is_gone() -> None:
    archive = filled()
    best = archive.best()
    assert best is not None
    archive.refuse(best.candidate.id, None, 0.0)
    assert archive.find(best.candidate.id) is None


def test_a_snapshot_goes_through_json_and_back() -> None:
    archive = filled()
    champion = archive.best()
    assert champion is not None
    archive.promote(champion.candidate.id, 2.0, 0.1, (1.95, 2.15))
    known = {one.candidate.id: one for one in (*archive.everyone(), individual(0, 0.0, 0))}

    def whole(one: Member) -> Individual:
        found = known[one.candidate]
        return Individual(found.candidate, found.lineage, one.fitness, one.cell, one.island, one.spread, {}, one.ends)

    other = Archive(1, 10)
    other.restore(json.loads(json.dumps(archive.snapshot())), whole)
    for island in range(3):
        assert [member(one) for one in other.islands[island].everyone()] == [
            member(one) for one in archive.islands[island].everyone()
        ]
    assert other.seed == archive.seed
    assert other.champion == archive.champion is not None
    assert other.champion is not None
    assert other.champion.ends == (1.95, 2.15)
    older = json.loads(json.dumps(archive.snapshot()))
    older["champion"].pop()  # as it was written before intervals were kept
    from_before = Archive(1, 10)
    from_before.restore(older, whole)
    assert from_before.champion is not None
    assert (from_before.champion.spread, from_before.champion.ends) == (0.1, None)


@pytest.mark.parametrize(("evaluations", "islands"), [(1, 1), (30, 1), (150, 2), (1000, 4), (100000, 6)])
def test_islands_fit_the_budget(evaluations: int, islands: int) -> None:
    assert fitted_islands(evaluations) == islands
    assert fitted_interval(evaluations, islands) >= 8


@pytest.mark.parametrize(("evaluations", "cells"), [(10, 8), (150, 12), (700, 24), (2000, 64), (10**6, 64)])
def test_cells_fit_the_budget(evaluations: int, cells: int) -> None:
    assert Resolution.fit(evaluations, fitted_islands(evaluations)).cells == cells


def test_every_level_has_a_bin_and_order_is_kept() -> None:
    for bins in ((2, 2, 2), (3, 2, 2), (4, 3, 2), (4, 4, 4)):
        resolution = Resolution(bins)
        cells = [resolution.cell((level, level, level)) for level in range(4)]
        assert cells == sorted(cells)
        assert cells[0] == (0, 0, 0)
        assert cells[3] == tuple(count - 1 for count in bins)


def test_kinds_of_kernels_on_gpus_have_words_of_their_own() -> None:
    resolution = resolution_for(RunConfig("softmax_bf16", "cuda", evaluations=30))
    assert resolution.words((1, 1, 0)) == (
        "memory: shared memory or asynchronous copies",
        "computation: matrix units",
        "spread: threads alone or warps",
    )
    assert "matrix units: products of tiles by matrix units" in resolution.meanings((1, 1, 0))
    cells = [(x, y, z) for x in range(2) for y in range(2) for z in range(2)]
    assert len({resolution.words(cell) for cell in cells}) == len(cells)
    assert resolution_for(RunConfig("softmax", "opencl")).words((0, 0, 0)) == resolution_for(
        RunConfig("softmax")
    ).words((0, 0, 0))
