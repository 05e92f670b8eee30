"""The mixture of a model and moves: whoever pays for its cost gets the requests."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from warploom.errors import BudgetSpent, NothingToPropose
from warploom.propose.mixed import CROSSOVER, DOLLAR_SECONDS, MODEL, MOVES, NOISE, STEPPING_STONE, TUNE, Mixed, gain
from warploom.testing.minds import Notebook
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation
from warploom.values.candidate import Lineage, Proposal
from warploom.values.exchange import Exchange
from warploom.values.request import Feedback, Individual, Request

SEED = synthetic_candidate()
PARENT = Individual(SEED, Lineage(), 0.5, (0, 0, 0))
OTHER = Individual(synthetic_candidate((1, 0, 0, 0, 0, 0)), Lineage(), 0.4, (0, 0, 0))
EVALUATION = synthetic_evaluation(SEED)


class Part:
    """A proposer that says what it was asked; the model notes an exchange as a writer does."""

    def __init__(self, name: str, notebook: Notebook | None = None, seconds: float = 0.0, usd: float = 0.0) -> None:
        self.name = name
        self.notebook = notebook
        self.seconds = seconds
        self.usd = usd
        self.told: list[Feedback] = []
        self.missed: list[Request] = []
        self.fails: Exception | None = None
        self.without: set[str] = set()

    async def propose(self, request: Request) -> Proposal:
        if request.operator in self.without:
            raise NothingToPropose(f"no {request.operator}")
        operator = {TUNE: "tune", CROSSOVER: "cross"}.get(request.operator, "grow")
        if self.notebook is not None:
            said = Exchange(request.number, 0, "improve", "m", (), "", seconds=self.seconds, cost_usd=self.usd)
            self.notebook.record(said)
            operator = "improve"
        if self.fails is not None:
            raise self.fails
        return Proposal(SEED, Lineage((SEED.id,), self.name, operator))

    def tell(self, feedback: Feedback) -> None:
        self.told.append(feedback)

    def declined(self, request: Request) -> None:
        self.missed.append(request)

    def snapshot(self) -> dict[str, Any]:
        return {"told": len(self.told)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.told = [None] * state["told"]  # type: ignore[list-item]


class Mixture:
    """The mixture under test, its parts, and what their proposals are worth."""

    def __init__(self, *, seconds: float = 0.0, usd: float = 0.0, **options: Any) -> None:
        self.notebook = Notebook()
        self.writer = Part("llm:m", self.notebook, seconds, usd)
        self.moves = Part("moves")
        self.mixed = Mixed(self.writer, self.moves, self.notebook, **options)

    def request(self, number: int) -> Request:
        return Request(number, "", (PARENT,), (OTHER,), None, 0, seed=number * 7919)

    def arm(self, number: int) -> str:
        proposal = anyio.run(self.mixed.propose, self.request(number))
        operators = {"improve": MODEL, "tune": TUNE, "cross": CROSSOVER}
        return operators.get(proposal.lineage.operator, MOVES)

    def go(self, worth: Mapping[str, float], requests: int = 240) -> Counter[str]:
        """Answer requests; an arm's proposals are a gain with the chance ``worth``. Counts the second half's arms."""
        rng = random.Random(1)
        seen: Counter[str] = Counter()
        for number in range(1, requests):
            proposal = anyio.run(self.mixed.propose, self.request(number))
            operators = {"improve": MODEL, "tune": TUNE, "cross": CROSSOVER}
            arm = operators.get(proposal.lineage.operator, MOVES)
            seen[arm] += number > requests // 2
            self.tell(number, proposal, 0.1 if rng.random() < worth.get(arm, 0.0) else 0.0)
        return seen

    def tell(self, number: int, proposal: Proposal, gained: float, seconds: float = 1.0) -> None:
        self.mixed.tell(
            Feedback(self.request(number), proposal, EVALUATION, 0.5 + gained, 0.5, 0.5, "new", cost_seconds=seconds)
        )


def share(seen: Counter[str], arm: str) -> float:
    return seen[arm] / seen.total()


def test_the_arm_that_pays_gets_the_requests() -> None:
    for arm in (MODEL, MOVES, TUNE, CROSSOVER):
        assert share(Mixture().go({arm: 0.6}), arm) > 0.7, arm


def test_a_useless_model_loses_its_share() -> None:
    assert share(Mixture().go({MOVES: 0.2}), MODEL) < 0.15


def test_gain_counts_by_the_second_and_by_the_dollar() -> None:
    equal = {MODEL: 0.3, MOVES: 0.3}
    assert share(Mixture().go(equal), MODEL) > 0.25
    assert share(Mixture(seconds=60.0).go(equal), MODEL) < 0.15
    assert share(Mixture(usd=0.02).go(equal), MODEL) < 0.15
    assert share(Mixture(seconds=60.0, in_flight=600).go(equal), MODEL) > 0.25, "the wait is shared by who works beside"


def test_what_an_answer_costs() -> None:
    mixture = Mixture(seconds=40.0, usd=0.01, in_flight=4)
    proposal = anyio.run(mixture.writer.propose, mixture.request(1))
    mixture.tell(1, proposal, 0.0, seconds=3.0)
    assert mixture.mixed.snapshot()["arms"][MODEL] == [0.0, 1.0, 0.0, 3.0 + 10.0 + 0.01 * DOLLAR_SECONDS]


def test_an_answer_of_no_use_is_a_loss_with_its_cost() -> None:
    mixture = Mixture(seconds=8.0)
    mixture.writer.fails = NothingToPropose("a poem")
    with pytest.raises(NothingToPropose):
        anyio.run(mixture.writer.propose, mixture.request(5))
    mixture.mixed.declined(mixture.request(5))
    assert mixture.mixed.snapshot()["arms"][MODEL] == [0.0, 1.0, 0.0, 8.0]
    mixture.mixed.declined(mixture.request(6))
    assert mixture.mixed.snapshot()["arms"][MODEL] == [0.0, 1.0, 0.0, 8.0], "no model was asked for this one"
    assert [request.number for request in mixture.writer.missed] == [5, 6]
    assert [request.number for request in mixture.moves.missed] == [5, 6]


def test_both_parts_learn_from_everything_and_the_seed_is_nobodys() -> None:
    mixture = Mixture()
    mixture.tell(0, Proposal(SEED, Lineage()), 0.0)
    assert not any(any(record) for record in mixture.mixed.snapshot()["arms"].values())
    assert len(mixture.writer.told) == len(mixture.moves.told) == 1


def test_a_cap_of_the_model_ends_the_run() -> None:
    mixture = Mixture(was_asked=lambda number: True)
    mixture.writer.fails = BudgetSpent("the cap of 5 requests is reached")
    with pytest.raises(BudgetSpent, match="5 requests"):
        mixture.arm(1)


def test_moves_stand_in_for_what_is_not_there() -> None:
    mixture = Mixture()
    mixture.moves.without = {TUNE, CROSSOVER}
    assert {mixture.arm(number) for number in range(1, 40)} == {MODEL, MOVES}
    dry = Mixture(was_asked=lambda number: False)
    dry.moves.without = {TUNE, CROSSOVER, MOVES}
    with pytest.raises(NothingToPropose, match="no moves"):
        dry.arm(1)


def test_no_crossover_where_it_is_switched_off_or_nobody_is_there_to_cross_with() -> None:
    mixture = Mixture(crossover=False)
    assert {mixture.arm(number) for number in range(1, 80)} == {MODEL, MOVES, TUNE}
    mixture = Mixture()
    alone = Request(1, "", (PARENT,), (), None, 0, seed=0)
    asked: list[str] = []
    for seed in range(80):
        request = Request(1000 + seed, "", alone.parents, (), None, 0, seed=seed)
        asked.append(anyio.run(mixture.mixed.propose, request).lineage.operator)
    assert "cross" not in asked


def test_without_a_bandit_all_are_asked_alike() -> None:
    seen = Mixture(bandit=False).go({MODEL: 0.6}, requests=400)
    assert all(0.15 < share(seen, arm) < 0.35 for arm in (MODEL, MOVES, TUNE, CROSSOVER))


def test_a_snapshot_gives_the_same_choices() -> None:
    mixture = Mixture()
    mixture.go({MODEL: 0.3, TUNE: 0.2}, requests=60)
    state = json.loads(json.dumps(mixture.mixed.snapshot()))
    other = Mixture()
    other.mixed.restore(state)
    assert (len(other.writer.told), len(other.moves.told)) == (59, 59)
    assert [other.arm(number) for number in range(500, 560)] == [mixture.arm(number) for number in range(500, 560)]


def test_an_answer_that_was_paid_for_is_used() -> None:
    mixture = Mixture()
    mixture.go({MOVES: 0.9}, requests=120)
    for number in range(300, 340):
        mixture.notebook.record(Exchange(number, 0, "improve", "m", (), ""))
        assert mixture.arm(number) == MODEL


def test_a_replay_asks_the_model_when_it_was_asked() -> None:
    free = Mixture()
    arms = [free.arm(number) for number in range(1, 60)]
    follows = Mixture(was_asked=lambda number: arms[number - 1] == MODEL)
    assert [follows.arm(number) for number in range(1, 60)] == arms, "and chooses the others as it did"
    turned = Mixture(was_asked=lambda number: arms[number - 1] != MODEL)
    assert [turned.arm(number) == MODEL for number in range(1, 60)] == [arm != MODEL for arm in arms]


def test_a_gain_is_beyond_noise_over_the_best_and_partly_over_the_parent() -> None:
    def of(fitness: float | None, parent: float, best: float) -> float:
        request, proposal = Mixture().request(1), Proposal(SEED, Lineage())
        return gain(Feedback(request, proposal, EVALUATION, fitness, parent, best, "new"))

    assert of(None, 0.5, 0.5) == 0
    assert of(0.5 + NOISE / 2, 0.5, 0.5) == 0
    assert of(0.4, 0.2, 0.6) == pytest.approx(STEPPING_STONE * 0.2)
    assert of(0.8, 0.2, 0.6) == pytest.approx(0.2 + STEPPING_STONE * 0.6)
