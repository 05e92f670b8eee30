import random

from warploom.propose.bandit import Bandit


def _share(bandit: Bandit, arm: str, draws: int = 400) -> float:
    rng = random.Random(1)
    return sum(bandit.choose(["a", "b", "c"], rng) == arm for _ in range(draws)) / draws


def test_an_arm_that_pays_is_chosen_more_often() -> None:
    bandit = Bandit()
    before = _share(bandit, "b")
    for _ in range(20):
        bandit.learn("a", success=False)
        bandit.learn("b", success=True)
    assert _share(bandit, "b") > before + 0.3


def test_without_learning_outcomes_change_nothing() -> None:
    bandit = Bandit({"a": (3.0, 1.0)}, learning=False)
    before = _share(bandit, "b")
    for _ in range(20):
        bandit.learn("b", success=True)
    assert _share(bandit, "b") == before
    assert bandit.snapshot() == {}


def test_priors_decide_the_first_choices() -> None:
    assert _share(Bandit({"c": (30.0, 1.0)}), "c") > 0.9


def test_old_outcomes_fade() -> None:
    bandit = Bandit()
    for _ in range(60):
        bandit.learn("a", success=True)
    for _ in range(60):
        bandit.learn("a", success=False)
    assert _share(bandit, "a") < 0.2


def test_a_restored_bandit_chooses_alike() -> None:
    bandit = Bandit()
    for index in range(30):
        bandit.learn("a", success=index % 2 == 0)
        bandit.learn("b", success=True)
    twin = Bandit()
    twin.restore(bandit.snapshot())
    first, second = random.Random(7), random.Random(7)
    arms = ["a", "b", "c"]
    assert [bandit.choose(arms, first) for _ in range(50)] == [twin.choose(arms, second) for _ in range(50)]
