from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import warploom
from warploom.errors import ConfigError
from warploom.values.config import RunConfig


def test_round_trip() -> None:
    config = RunConfig("softmax", minutes=3, target_speedup=2.5, islands=3, crossover=False, models=("a", "b,weight=2"))
    assert RunConfig.from_mapping(config.to_mapping()) == config
    assert RunConfig.from_mapping(json.loads(json.dumps(config.to_mapping()))) == config


@pytest.mark.parametrize(
    ("key", "near"), [("evaluation", "evaluations"), ("strategi", "strategy"), ("cross_over", "crossover")]
)
def test_an_unknown_key_names_the_nearest(key: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown key {key!r}; did you mean {near!r}"):
        RunConfig.from_mapping({"problem": "softmax", key: 1})


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"evaluations": 0}, "evaluations is 0; it must be at least 1"),
        ({"evaluations": "many"}, "must be of type int"),
        ({"evaluations": True}, "must be of type int"),
        ({"minutes": 0}, "minutes is 0; it must be above 0"),
        ({"strategy": "island"}, "did you mean 'islands'"),
        ({"target": "sycl"}, "known: cpp"),
        ({"in_flight": -1}, "at least 0"),
        ({"proposer": "lmm"}, "did you mean 'llm'"),
        ({"models": "gpt"}, "models is 'gpt'; it must be a list of texts"),
        ({"models": [1]}, "must be a list of texts"),
        ({"models": ["m,temprature=1"]}, "unknown setting 'temprature'"),
        ({"models": ["m"], "max_usd": 1.0}, "price unknown: --max-usd cannot hold for m; give its price"),
        ({"max_usd": 0.0}, "max_usd is 0.0; it must be above 0"),
        ({"max_tokens_total": -1}, "above 0"),
        ({"max_requests": 0}, "above 0"),
        ({"attempt_seconds": 0}, "above 0"),
        ({"answer_seconds": -1.0}, "above 0"),
        ({"proposer": "command:agent", "max_usd": 1.0}, "what a command spends is not known here"),
        ({"proposer": "command:agent", "max_tokens_total": 9}, "what a command spends is not known here"),
        ({"patience": -1}, "above 0"),
        ({"crossover": 1}, "must be of type bool"),
    ],
)
def test_bad_values_say_so(mapping: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        RunConfig.from_mapping({"problem": "softmax"} | mapping)


def test_the_problem_must_be_named() -> None:
    with pytest.raises(ConfigError, match="'problem' is missing"):
        RunConfig.from_mapping({})


def test_every_field_is_read_somewhere() -> None:
    root = Path(warploom.__file__).parent
    readers = [path for path in root.rglob("*.py") if path != root / "values" / "config.py"]
    text = "\n".join(path.read_text() for path in readers)
    for entry in fields(RunConfig):
        assert re.search(rf"config\.{entry.name}\b", text), f"nothing reads {entry.name}"
