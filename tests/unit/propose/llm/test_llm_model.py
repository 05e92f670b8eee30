from __future__ import annotations

import re

import pytest

from warploom.errors import ConfigError
from warploom.values.exchange import Usage
from warploom.values.model import MAX_TOKENS, Model, Price, parse_model, parse_models


def test_a_name_alone_leaves_everything_to_the_server() -> None:
    model = parse_model("openai/gpt-5-mini")
    assert model == Model("openai/gpt-5-mini")
    assert model.settings == {"max_tokens": MAX_TOKENS}
    assert model.label == "openai/gpt-5-mini"


def test_every_setting_is_read() -> None:
    text = "qwen:7b, weight=2, temperature=0.7, effort=high, max_tokens=8000, price=0.25/2, logprobs=yes"
    assert parse_model(text) == Model("qwen:7b", 2.0, 0.7, "high", 8000, Price(0.25, 2.0), True)
    assert parse_model(text).label == "qwen:7b,temperature=0.7,effort=high"
    assert parse_model(text).settings == {"max_tokens": 8000, "temperature": 0.7, "effort": "high"}


def test_prices_are_per_million_tokens() -> None:
    assert Price(1.0, 10.0).cost(Usage(500_000, 100_000)) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not begin with a name"),
        ("temperature=1", "does not begin with a name"),
        ("m,temprature=1", "unknown setting 'temprature'; did you mean 'temperature'?"),
        ("m,colour=red", "unknown setting 'colour'; known: weight"),
        ("m,weight=0", "weight=0 must be above 0"),
        ("m,temperature=nan", "must be at least 0"),
        ("m,temperature=warm", "is no number"),
        ("m,max_tokens=1.5", "is no whole number"),
        ("m,max_tokens=0", "must be at least 1"),
        ("m,price=3", "IN/OUT"),
        ("m,price=-1/2", "must be at least 0"),
        ("m,effort=", "must be one word"),
        ("m,logprobs=maybe", "must be yes or no"),
        ("m,weight=1,weight=2", "weight is given twice"),
    ],
)
def test_a_setting_that_cannot_be_used_says_so(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        parse_model(text)


def test_models_must_differ_in_what_changes_their_answers() -> None:
    assert len(parse_models(("m", "m,temperature=1"))) == 2
    with pytest.raises(ConfigError, match="--model m is given twice"):
        parse_models(("m", "m,weight=2"))
