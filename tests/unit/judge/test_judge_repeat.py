"""A reference that draws is told from one that sums in another order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from warploom.judge.reference.repeat import varies  # noqa: E402

pytestmark = pytest.mark.torch

X = torch.linspace(-3.0, 5.0, 1000)
DICE = np.random.default_rng(5)


def asked(reference: Callable[[Any], Any], x: Any = X, *names: str) -> str:
    return varies(
        lambda one: found if isinstance(found := reference(one), tuple) else (found,),
        [x],
        dict.fromkeys(names or ["out"]),
    )


def in_another_order() -> Callable[[Any], Any]:
    """Sums of 4096 terms that are taken in another order at each call, as atomics take them."""
    terms = torch.linspace(-1.0, 2.0, 4096)
    orders = (torch.randperm(4096, generator=torch.Generator().manual_seed(number)) for number in itertools.count())

    def reference(x: Any) -> Any:
        order = next(orders)
        total = torch.zeros_like(x)
        for place in range(0, 4096, 64):
            total = total + terms[order[place : place + 64]].sum() * x
        return total

    return reference


def test_a_reference_that_repeats_itself_is_called_twice() -> None:
    calls = []

    def reference(x: Any) -> Any:
        calls.append(x)
        return torch.where(x < 0, x / 0.0 * 0.0, x)  # NaN is the same NaN

    assert asked(reference) == ""
    assert len(calls) == 2


@pytest.mark.parametrize(
    "reference",
    [
        lambda x: x + torch.rand_like(x),
        lambda x: torch.nn.functional.dropout(x, 0.1),
        lambda x: x * (1 + 1e-7 * torch.randn_like(x)),
        lambda x: x + DICE.random(),
        lambda x: (x > DICE.random()).to(torch.int64),
    ],
    ids=["noise", "dropout", "noise in the last digits", "another generator", "whole numbers"],
)
def test_one_that_draws_is_found_out(reference: Callable[[Any], Any]) -> None:
    assert "output 'out' is up to" in asked(reference)


def test_the_output_that_varies_is_named() -> None:
    assert asked(lambda x: (x, x + torch.rand(1)), X, "same", "other").startswith("output 'other' is up to ")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_another_order_of_sums_is_no_draw(dtype: Any) -> None:
    reference = in_another_order()
    x = X.to(dtype)
    assert not torch.equal(reference(x), reference(x)), "or nothing is shown"
    assert asked(reference, x) == ""


def test_one_that_seeds_itself_repeats_itself_and_the_generator_is_left_alone() -> None:
    def seeded(x: Any) -> Any:
        return x + torch.rand(x.shape, generator=torch.Generator().manual_seed(1))

    assert asked(seeded) == ""
    torch.manual_seed(7)
    wanted = [torch.rand(1), torch.rand(1), torch.rand(1)][2]
    torch.manual_seed(7)
    assert asked(lambda x: x + torch.rand(1))
    assert torch.equal(torch.rand(1), wanted), "two calls were made, and what was tried beyond them left no trace"


def test_one_that_is_off_now_and_then_does_not_follow_the_generator() -> None:
    """One call of many took another order: that answers agree once the generator is set back says nothing then."""
    calls = itertools.count()
    assert asked(lambda x: x * (1 + 2.0**-23) if next(calls) == 1 else x) == ""
