from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.archive.grid import BENCH, NEAR, SAME, Grid
from warploom.testing.synthetic import GENES, synthetic_candidate
from warploom.values.candidate import Lineage
from warploom.values.request import Individual


def individual(number: int, fitness: float, cell: tuple[int, ...] = (0, 0, 0), spread: float = 0.0) -> Individual:
    genes = tuple(number // 10**place % 10 for place in range(GENES))
    return Individual(synthetic_candidate(genes), Lineage(), fitness, cell, 0, spread)


def test_new_improved_not_added() -> None:
    grid = Grid()
    assert grid.admit(individual(1, 0.5)) == "new"
    assert grid.admit(individual(2, 0.6)) == "improved"
    assert grid.admit(individual(3, 0.6)) == "not_added"
    assert grid.admit(individual(4, 0.1, (1, 0, 0))) == "new"
    assert len(grid) == 2


def test_neutral_steps_live_on_the_bench() -> None:
    grid = Grid()
    grid.admit(individual(1, 1.0))
    grid.admit(individual(2, 1.0 - NEAR / 2))
    grid.admit(individual(3, 1.0 - 2 * NEAR))
    grid.admit(individual(4, 1.0 - 2 * NEAR, spread=3 * NEAR))
    ids = [one.candidate.id for one in grid.everyone()]
    assert ids == [individual(number, 0).candidate.id for number in (1, 2, 4)]


def test_a_dethroned_elite_sits_on_the_bench_while_it_is_near() -> None:
    grid = Grid()
    first = individual(1, 1.0)
    grid.admit(first)
    grid.admit(individual(2, 1.05))
    assert first in list(grid.everyone())
    grid.admit(individual(3, 1.5))
    assert first not in list(grid.everyone())


def test_the_bench_is_short_and_holds_nobody_twice() -> None:
    grid = Grid()
    grid.admit(individual(0, 1.0))
    for number in range(30):
        grid.admit(individual(number, 1.0 - number / 1000))
    everyone = [one.candidate.id for one in grid.everyone()]
    assert len(everyone) == 1 + BENCH
    assert len(set(everyone)) == len(everyone)


def test_remeasured_down_another_moves_up() -> None:
    grid = Grid()
    grid.admit(individual(1, 1.0))
    grid.admit(individual(2, 0.95))
    grid.remeasure(individual(1, 0).candidate.id, 0.9, 0.01)
    assert grid.elites[0].candidate == individual(2, 0).candidate
    assert [one.fitness for one in grid.everyone()] == [0.95, 0.9]


def test_removed_the_bench_moves_up_and_an_empty_cell_is_gone() -> None:
    grid = Grid()
    grid.admit(individual(1, 1.0))
    grid.admit(individual(2, 0.95))
    grid.remove(individual(1, 0).candidate.id)
    assert grid.elites[0].candidate == individual(2, 0).candidate
    grid.remove(individual(2, 0).candidate.id)
    assert len(grid) == 0
    assert grid.best() is None


arrivals = st.lists(
    st.tuples(st.floats(-3, 3), st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1))), max_size=40
)


@settings(max_examples=50, deadline=None)
@given(arrivals)
def test_grid_stability(offers: list[tuple[float, tuple[int, int, int]]]) -> None:
    """An elite is only ever replaced by a better one of its own cell, and other cells are not touched."""
    grid = Grid()
    for number, (fitness, cell) in enumerate(offers):
        before = {place.elite.cell: place.elite for place in grid.places.values()}
        offered = individual(number, fitness, cell)
        foreseen = grid.status(offered)
        assert grid.admit(offered) == foreseen
        after = {place.elite.cell: place.elite for place in grid.places.values()}
        assert set(after) == set(before) | {cell}
        for where, elite in before.items():
            assert after[where] == elite or (where == cell and after[where].fitness > elite.fitness)
    for filled, place in grid.places.items():
        assert place.elite.fitness == max(fitness for fitness, cell in offers if cell == filled)


@settings(max_examples=20, deadline=None)
@given(arrivals, st.randoms(use_true_random=False))
def test_the_best_of_each_cell_does_not_depend_on_the_order(
    offers: list[tuple[float, tuple[int, int, int]]], rng: random.Random
) -> None:
    grids = []
    for _ in range(2):
        grid = Grid()
        for number, (fitness, cell) in enumerate(offers):
            grid.admit(individual(number, fitness, cell))
        grids.append({cell: place.elite.fitness for cell, place in grid.places.items()})
        rng.shuffle(offers)
    assert grids[0] == grids[1]


def simplified(elite: Individual, slower: float, *, operator: str = "simplify", cut: int = 20) -> Individual:
    name, text = elite.candidate.sources[0]
    candidate = replace(elite.candidate, sources=((name, text[:-cut]),))
    fitness = elite.fitness - slower
    return Individual(candidate, Lineage((elite.candidate.id,), "llm:m", operator), fitness, elite.cell, 0, 0.03)


def test_a_shorter_kernel_of_the_same_speed_replaces_the_one_it_simplifies() -> None:
    elite = individual(1, 1.0)
    for child, status in (
        (simplified(elite, SAME / 2), "improved"),
        (simplified(elite, 2 * SAME), "not_added"),
        (replace(simplified(elite, SAME / 2), spread=SAME / 4), "not_added"),
        (simplified(elite, SAME / 2, operator="improve"), "not_added"),
        (replace(simplified(elite, SAME / 2), candidate=individual(2, 0).candidate), "not_added"),
        (simplified(individual(3, 1.0), SAME / 2), "not_added"),
    ):
        grid = Grid()
        grid.admit(elite)
        assert grid.admit(child) == status
        assert grid.elites == [child if status == "improved" else elite]
        assert len(list(grid.everyone())) == 2, "the other one sits on the bench"
