from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from warploom.archive.islands import Archive, strategy_of
from warploom.search.strategies.greedy import STAGNATION, Greedy
from warploom.search.strategies.islands import Islands
from warploom.search.strategies.opening import DRY, OPENING
from warploom.search.strategies.random import Uniform
from warploom.search.strategy import make_strategy
from warploom.testing.synthetic import GENES, synthetic_candidate, synthetic_evaluation
from warploom.values.candidate import Lineage, Proposal
from warploom.values.config import STRATEGIES, RunConfig
from warploom.values.request import Feedback, Individual, Request

LATE = 0.5


def individual(number: int, fitness: float, cell: tuple[int, ...] = (0, 0, 0), island: int = 0) -> Individual:
    genes = tuple(number // 10**place % 10 for place in range(GENES))
    return Individual(synthetic_candidate(genes), Lineage(), fitness, cell, island)


def feedback(request: Request, number: int, fitness: float | None, status: str = "not_added") -> Feedback:
    candidate = individual(number, 0.0).candidate
    parent = request.parents[0].fitness if request.parents else None
    proposal = Proposal(candidate, Lineage())
    return Feedback(request, proposal, synthetic_evaluation(candidate), fitness, parent, None, status)


def archive(islands: int = 1) -> Archive:
    made = Archive(islands, 10)
    made.admit(individual(0, 0.0))
    return made


def asked(strategy: Islands | Greedy | Uniform, known: Archive, count: int, progress: float = LATE) -> list[Request]:
    return [strategy.ask(known, random.Random(number), number, progress) for number in range(count)]


def test_the_configuration_names_the_strategy() -> None:
    named = [name for name in STRATEGIES if name != "auto"]
    kinds = {name: type(make_strategy(RunConfig("twice", strategy=name))).__name__ for name in named}
    assert kinds == {"islands": "Islands", "greedy": "Greedy", "random": "Uniform"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"evaluations": 40}, "Greedy"),
        ({"evaluations": 150}, "Islands"),
        ({"evaluations": 40, "islands": 1}, "Islands"),
        ({"evaluations": 40, "models": ("some-model",)}, "Islands"),
        ({"evaluations": 40, "replay": "runs/first"}, "Islands"),
        ({"evaluations": 40, "target": "program"}, "Islands"),
        ({"evaluations": 40, "proposer": "command:./propose"}, "Islands"),
        ({"evaluations": 40, "strategy": "islands"}, "Islands"),
    ],
)
def test_a_strategy_left_to_the_budget_is_the_one_that_won_with_it(given: dict[str, Any], kind: str) -> None:
    config = RunConfig("twice", **given)
    assert type(make_strategy(config)).__name__ == kind
    assert strategy_of(config) == kind.lower()


def test_islands_open_with_the_seed_and_then_leave_it() -> None:
    known = archive()
    known.admit(individual(1, 2.0, (1, 0, 0)))
    early = {request.parents[0].candidate.id for request in asked(Islands(), known, 20, OPENING / 2)}
    assert early == {individual(0, 0.0).candidate.id}
    late = Counter(request.parents[0].candidate.id for request in asked(Islands(), known, 100))
    assert late[individual(1, 0.0).candidate.id] > 90


@pytest.mark.parametrize("kind", [Greedy, Islands])
def test_a_seed_that_gives_nothing_new_ends_the_opening(kind: type[Greedy] | type[Islands]) -> None:
    """Else a kernel with few moves would be asked of in vain until the run gives up."""
    strategy, known, better = kind(), archive(), individual(7, 2.0, (1, 0, 0))
    opening = asked(strategy, known, 1, OPENING / 2)[0]
    known.admit(better)
    strategy.tell(feedback(opening, 7, better.fitness, "new"))

    def parents(of: Greedy | Islands) -> set[str]:
        return {request.parents[0].candidate.id for request in asked(of, known, 40, OPENING / 2)}

    seed = {individual(0, 0.0).candidate.id}
    for _ in range(DRY - 1):
        strategy.declined(opening)
    strategy.tell(feedback(opening, 8, 0.1))
    for _ in range(DRY - 1):
        strategy.declined(opening)
        assert parents(strategy) == seed
    strategy.declined(opening)
    assert better.candidate.id in parents(strategy)
    strategy.tell(feedback(opening, 9, 0.1))
    assert better.candidate.id in parents(strategy), "and it stays over"
    again = kind()
    again.restore(strategy.snapshot())
    assert better.candidate.id in parents(again)
    older = {name: value for name, value in strategy.snapshot().items() if name != "opening"}
    again.restore(older)
    assert parents(again) == seed


def test_islands_take_turns_and_stay_apart() -> None:
    known = archive(3)
    for number in range(1, 40):
        known.admit(individual(number, number / 40, (number % 4, 0, 0), number % 3))
    for number, request in enumerate(asked(Islands(), known, 60)):
        assert request.island == number % 3
        residents = {one.candidate.id for one in known.islands[request.island].everyone()}
        assert all(one.candidate.id in residents for one in (*request.parents, *request.inspirations[:1]))


def test_islands_show_the_best_of_other_islands_last() -> None:
    known = archive(3)
    for number in range(1, 40):
        known.admit(individual(number, number / 40, (number % 4, 0, 0), number % 3))
    homes = Counter(
        (request.island, one.island) for request in asked(Islands(), known, 60) for one in request.inspirations[-1:]
    )
    foreign = {(own, other) for own, other in homes if own != other}
    assert foreign == {(own, other) for own in range(3) for other in range(3) if own != other}
    for request in asked(Islands(), known, 60):
        visitor = request.inspirations[-1]
        if visitor.island != request.island:
            assert visitor == known.islands[visitor.island].best()
        assert len(request.inspirations) <= 3
    lonely = archive(2)
    lonely.admit(individual(1, 1.0, (1, 0, 0), 1))
    assert asked(Islands(), lonely, 1)[0].inspirations == (), "without a partner at home there is no visitor"


def test_islands_aim_at_empty_cells_beside_the_parent_now_and_then() -> None:
    known = archive()
    known.admit(individual(1, 1.0, (1, 0, 0)))
    strategy = make_strategy(RunConfig("twice", evaluations=2000, islands=1))
    requests = [strategy.ask(known, random.Random(number), number, LATE) for number in range(300)]
    aimed = [request for request in requests if request.target_cell is not None]
    assert 50 < len(aimed) < 130
    for request in aimed:
        assert request.target_cell is not None
        steps = [abs(one - other) for one, other in zip(request.target_cell, request.parents[0].cell, strict=True)]
        assert sum(steps) == 1
        assert request.target_cell not in known.islands[0].places
        assert all(0 <= place < 4 for place in request.target_cell)
    assert len({request.target_cell for request in aimed}) > 2
    plain = [Islands().ask(known, random.Random(number), number, LATE) for number in range(300)]
    assert [replace(request, target_cell=None) for request in requests] == plain, "and nothing else changes"
    early = [strategy.ask(known, random.Random(number), number, OPENING / 2) for number in range(60)]
    assert all(request.target_cell is None for request in early)


def test_a_full_grid_leaves_nothing_to_aim_at() -> None:
    known = archive()
    for cell in itertools.product(range(2), repeat=3):
        known.admit(individual(sum(cell), 0.1 + sum(cell), cell))
    strategy = make_strategy(RunConfig("twice", evaluations=10, islands=1))
    assert all(
        request.target_cell is None for request in (strategy.ask(known, random.Random(n), n, LATE) for n in range(60))
    )


def test_islands_try_neglected_cells() -> None:
    """A cell that was tried often and in vain gives way to one as good that was not."""
    known = archive()
    known.admit(individual(1, 1.0, (1, 0, 0)))
    known.admit(individual(2, 1.0, (2, 0, 0)))
    strategy = Islands()
    for number in range(40):
        request = Request(number, "", (individual(1, 1.0, (1, 0, 0)),), (), None, 0, 0)
        strategy.tell(feedback(request, 100 + number, None, "failed"))
    chosen = Counter(request.parents[0].cell for request in asked(strategy, known, 200))
    assert chosen[(2, 0, 0)] > 2 * chosen[(1, 0, 0)]


def test_islands_count_what_paid_less() -> None:
    paid, vain = Islands(), Islands()
    for number in range(20):
        request = Request(number, "", (individual(1, 1.0, (1, 0, 0)),), (), None, 0, 0)
        paid.tell(feedback(request, 100 + number, 1.0, "improved"))
        vain.declined(request)
    assert paid.snapshot()["tries"][0][2] < vain.snapshot()["tries"][0][2]


def test_islands_also_breed_from_the_bench() -> None:
    known = archive()
    known.admit(individual(1, 1.0, (1, 0, 0)))
    known.admit(individual(2, 0.99, (1, 0, 0)))
    parents = Counter(request.parents[0].candidate.id for request in asked(Islands(), known, 200))
    assert 5 < parents[individual(2, 0.0).candidate.id] < 100


def test_the_crossover_partner_is_another_cell_of_the_island() -> None:
    known = archive()
    for number in range(1, 6):
        known.admit(individual(number, number / 5, (number % 3, number % 2, 0)))
    partners = Counter[str]()
    for request in asked(Islands(), known, 200):
        parent, first = request.parents[0], request.inspirations[0]
        assert parent.candidate.id != first.candidate.id
        assert len({one.candidate.id for one in request.inspirations}) == len(request.inspirations) <= 3
        partners[first.candidate.id] += 1
    assert len(partners) >= 3


def test_greedy_follows_the_best_and_restarts_from_the_seed() -> None:
    strategy, known = Greedy(), archive()
    seed = Request(0, "seed", (), (), None, 0, 0)
    strategy.tell(feedback(seed, 0, 0.0, "new"))
    strategy.tell(feedback(asked(strategy, known, 1)[0], 7, 0.8, "new"))
    request = asked(strategy, known, 1)[0]
    assert request.parents[0].candidate == individual(7, 0.0).candidate
    for number in range(STAGNATION):
        assert asked(strategy, known, 1)[0].parents[0].candidate == individual(7, 0.0).candidate
        strategy.tell(feedback(request, 20 + number, 0.3))
    restarted = asked(strategy, known, 1)[0]
    assert restarted.parents[0].candidate == individual(0, 0.0).candidate
    assert restarted.inspirations[0].candidate == individual(7, 0.0).candidate
    strategy.tell(feedback(restarted, 30, -0.5))
    assert asked(strategy, known, 1)[0].parents[0].candidate == individual(0, 0.0).candidate
    strategy.tell(feedback(restarted, 31, 0.1))
    assert asked(strategy, known, 1)[0].parents[0].candidate == individual(31, 0.0).candidate


def test_random_prefers_nothing() -> None:
    known = archive()
    for number in range(1, 4):
        known.admit(individual(number, 10.0 * number, (number, 0, 0)))
    parents = Counter(request.parents[0].candidate.id for request in asked(Uniform(), known, 400))
    assert len(parents) == 4
    assert min(parents.values()) > 60
