from __future__ import annotations

import pytest

from warploom.search.estimate import Estimate
from warploom.values.exchange import Message
from warploom.values.model import parse_model

PROMPT = (Message("system", "x" * 1750), Message("user", "y" * 1750))  # a thousand tokens


def test_prompts_alone_and_the_longest_answers() -> None:
    models = [parse_model("a,max_tokens=2000,price=1/10"), parse_model("b,max_tokens=8000,price=0.1/1")]
    estimate = Estimate.of(PROMPT, models, 100)
    assert estimate.tokens == (100_000, 900_000)
    assert estimate.usd == pytest.approx((100 * 1000 * 0.1 / 1e6, 100 * (1000 * 1 + 2000 * 10) / 1e6))
    assert estimate.line() == (
        "100 requests may cost 100 thousand (prompts alone) to 900 thousand tokens (the longest answers), "
        "$0.01 to $2.10"
    )


def test_an_unknown_price_is_said_and_not_guessed() -> None:
    estimate = Estimate.of(PROMPT, [parse_model("a,price=1/10"), parse_model("free:7b")], 1000)
    assert estimate.usd is None
    assert estimate.line().endswith(
        "to 17.4 million tokens (the longest answers); dollars are not known: no price for free:7b"
    )
