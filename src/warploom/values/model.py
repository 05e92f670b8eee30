"""A language model and its settings, as ``--model "NAME,temperature=0.7,price=0.25/2"`` writes them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from warploom.errors import ConfigError
from warploom.values.candidate import Scalar
from warploom.values.exchange import Usage

MAX_TOKENS = 16_384
"""Tokens of an answer at most, reasoning included, where nothing else is said."""


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens."""

    prompt: float
    completion: float

    def cost(self, usage: Usage) -> float:
        """Dollars; cached tokens at the full price, so that it is never below the bill."""
        return (usage.prompt * self.prompt + usage.completion * self.completion) / 1e6


@dataclass(frozen=True)
class Model:
    """One model of an ensemble.

    Attributes:
        name: as the server knows it.
        weight: how much is expected of it before anything is known, beside the others.
        temperature: None leaves it to the server.
        effort: how long it reasons, "low" or "high" for instance; "" leaves it to the server.
        max_tokens: of an answer at most, reasoning included.
        price: None where unknown.
        logprobs: whether log-probabilities are asked for.
    """

    name: str
    weight: float = 1.0
    temperature: float | None = None
    effort: str = ""
    max_tokens: int = MAX_TOKENS
    price: Price | None = None
    logprobs: bool = False

    @property
    def label(self) -> str:
        """What tells it from the others of an ensemble: its name and what changes its answers."""
        parts = [self.name]
        if self.temperature is not None:
            parts.append(f"temperature={self.temperature:g}")
        if self.effort:
            parts.append(f"effort={self.effort}")
        return ",".join(parts)

    @property
    def settings(self) -> dict[str, Scalar]:
        """What is recorded with its answers."""
        said: dict[str, Scalar] = {"max_tokens": self.max_tokens}
        if self.temperature is not None:
            said["temperature"] = self.temperature
        if self.effort:
            said["effort"] = self.effort
        return said


def parse_model(text: str) -> Model:
    """A model from the words of the command line.

    Args:
        text: ``NAME[,weight=2][,temperature=0.7][,effort=high][,max_tokens=8000][,price=IN/OUT][,logprobs=yes]``,
            the prices in dollars per million tokens.

    Raises:
        ConfigError: no name, or a setting that is unknown or out of range.
    """
    name, *words = (part.strip() for part in text.split(","))
    if not name or "=" in name:
        raise ConfigError(f"--model {text!r} does not begin with a name, as in 'NAME,temperature=0.7'")
    chosen: dict[str, Any] = {}
    for word in words:
        key, found, value = (part.strip() for part in word.partition("="))
        if key not in _READERS:
            close = difflib.get_close_matches(key, _READERS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(_READERS)}"
            raise ConfigError(f"--model {name}: unknown setting {key!r}; {hint}")
        if key in chosen:
            raise ConfigError(f"--model {name}: {key} is given twice")
        try:
            chosen[key] = _READERS[key](value if found else "")
        except ValueError as error:
            raise ConfigError(f"--model {name}: {key}={value} {error}") from None
    return Model(name, **chosen)


def parse_models(texts: tuple[str, ...]) -> tuple[Model, ...]:
    """The models of an ensemble.

    Raises:
        ConfigError: as :func:`parse_model`, or two of them cannot be told apart.
    """
    models = tuple(parse_model(text) for text in texts)
    labels = [model.label for model in models]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigError(f"--model {label} is given twice")
    return models


def _number(text: str, least: float, *, above: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is no number") from None
    if not math.isfinite(value) or value < least or (above and value == least):
        raise ValueError(f"must be {'above' if above else 'at least'} {least:g}")
    return value


def _whole(text: str) -> int:
    value = _number(text, 1)
    if value != int(value):
        raise ValueError("is no whole number")
    return int(value)


def _word(text: str) -> str:
    if not text.isidentifier():
        raise ValueError("must be one word")
    return text


def _price(text: str) -> Price:
    prompt, found, completion = text.partition("/")
    if not found:
        raise ValueError("must be two prices, IN/OUT, in dollars per million tokens")
    return Price(_number(prompt, 0), _number(completion, 0))


def _yes(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError("must be yes or no")
    return text == "yes"


_READERS: dict[str, Callable[[str], object]] = {
    "weight": lambda text: _number(text, 0, above=True),
    "temperature": lambda text: _number(text, 0),
    "effort": _word,
    "max_tokens": _whole,
    "price": _price,
    "logprobs": _yes,
}
