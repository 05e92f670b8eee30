from __future__ import annotations

import pytest

from warploom.values.speedup import Speedup
from warploom.values.standing import Standing, standing

CLAIM = Speedup(2.0, 1.9, 2.1)


@pytest.mark.parametrize(
    ("here", "wanted"),
    [
        (Speedup(2.0, 1.95, 2.05), "holds"),
        (Speedup(3.0, 2.9, 3.1), "holds"),
        (Speedup(1.85, 1.82, 1.885), "holds"),  # within the floor of the claim's lower end
        (Speedup(1.5, 1.4, 1.6), "weaker here"),
        (Speedup(1.02, 1.001, 1.04), "undecided"),  # faster, but inside the floor
        (Speedup(1.5, 0.5, 4.0), "undecided"),  # reaches the claim by its width alone
        (Speedup(0.9, 0.8, 1.005), "does not hold"),
        (None, "does not hold"),
    ],
)
def test_a_claim_meets_what_was_measured(here: Speedup | None, wanted: Standing) -> None:
    assert standing(CLAIM, here, 0.01) == wanted


def test_a_kernel_that_never_claimed_to_be_faster_is_held_to_what_it_claimed() -> None:
    slow = Speedup(0.5, 0.49, 0.51)
    assert standing(slow, Speedup(0.5, 0.48, 0.52), 0.01) == "holds"
    assert standing(slow, Speedup(0.3, 0.29, 0.31), 0.01) == "does not hold"
    assert standing(slow, Speedup(1.5, 1.4, 1.6), 0.01) == "holds"


def test_the_noise_floor_decides_at_the_edge() -> None:
    edge = Speedup(1.86, 1.84, 1.87)
    assert standing(CLAIM, edge, 0.02) == "holds"
    assert standing(CLAIM, edge, 0.01) == "weaker here"
