"""How a run is to go. An unknown key is an error that names the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from warploom.errors import ConfigError
from warploom.values.measure import PROGRAM
from warploom.values.model import parse_models

STRATEGIES: tuple[str, ...] = ("auto", "islands", "greedy", "random")
TARGETS: tuple[str, ...] = ("cpp", "opencl", "cuda", "triton")
PROPOSERS: tuple[str, ...] = ("auto", "moves", "llm", "mix")
COMMAND = "command:"
"""What the name of a proposer begins with that is a command line."""


@dataclass(frozen=True)
class RunConfig:
    """Everything a run is given.

    Attributes:
        problem: name in the catalog, path of a problem file, or address of what lies in another format.
        target: language of the candidates; "program" for programs with an evaluator of their own.
        evaluations: judged candidates at most, failed ones and the seed included.
        minutes: minutes at most, over all sittings; None for no limit.
        patience: stop after so many evaluations without a better candidate; None for no limit.
        target_speedup: stop when a promoted candidate is so many times faster than eager.
        target_roofline: stop when a promoted candidate reaches this fraction of the roofline.
        seed: seed of all randomness of the search.
        strategy: one of :data:`STRATEGIES`; "auto" is "greedy" for kernels where no model and no islands are asked for
            and the budget feeds one only, which is what won there (docs/study.md); else "islands".
        islands: number of islands; 0 fits it to the budget.
        crossover: whether two parents may be combined.
        bandit: whether operators are chosen by what they paid so far.
        in_flight: requests at work at a time; 0 fits it to the proposer: 1, which keeps proposing and building out of
            the timings, and a few where a model is waited for.
        start: path of a starting source; "" takes the problem's own seed.
        proposer: one of :data:`PROPOSERS`, or "command:" and a command line; "auto" is "mix" where a model is named
            and can be reached, else "moves".
        models: language models, as :func:`warploom.values.model.parse_model` reads them.
        base_url: of the server; "" takes the environment's.
        max_tokens_total: tokens of models at most, over all sittings; None for no limit.
        max_usd: dollars for models at most, over all sittings; None for no limit.
        max_requests: requests to models at most, over all sittings; None for no limit.
        attempt_seconds: one request to a model at most.
        answer_seconds: all attempts at one answer, and the waits between them, at most.
        prompts: directory of templates that replace the shipped ones; "" for those.
        replay: run directory or record whose answers are given again, at no cost; "" asks anew.
    """

    problem: str
    target: str = "cpp"
    evaluations: int = 150
    minutes: float | None = None
    patience: int | None = None
    target_speedup: float | None = None
    target_roofline: float | None = None
    seed: int = 0
    strategy: str = "auto"
    islands: int = 0
    crossover: bool = True
    bandit: bool = True
    in_flight: int = 0
    start: str = ""
    proposer: str = "moves"
    models: tuple[str, ...] = ()
    base_url: str = ""
    max_tokens_total: int | None = None
    max_usd: float | None = None
    max_requests: int | None = None
    attempt_seconds: float = 300.0
    answer_seconds: float = 900.0
    prompts: str = ""
    replay: str = ""

    def __post_init__(self) -> None:
        _one_of("strategy", self.strategy, STRATEGIES)
        if self.target != PROGRAM:
            _one_of("target", self.target, TARGETS)
        elif self.target_speedup is not None or self.target_roofline is not None:
            raise ConfigError("a program has a score, no speedup: leave out --target-speedup and --target-roofline")
        _at_least("evaluations", self.evaluations, 1)
        _at_least("islands", self.islands, 0)
        _at_least("in_flight", self.in_flight, 0)
        if not self.proposer.startswith(COMMAND):
            _one_of("proposer", self.proposer, (*PROPOSERS, COMMAND))
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} is {value}; it must be above 0")
        models = parse_models(self.models)
        if self.max_usd is not None:
            for model in models:
                if model.price is None:
                    mend = f"give its price in dollars per million tokens, as in --model {model.name},price=0.25/2"
                    raise ConfigError(f"price unknown: --max-usd cannot hold for {model.name}; {mend}")
        if self.proposer.startswith(COMMAND) and (self.max_usd is not None or self.max_tokens_total is not None):
            raise ConfigError("what a command spends is not known here: --max-usd and --max-tokens-total cannot hold")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> RunConfig:
        """A configuration from plain values.

        Raises:
            ConfigError: an unknown key, a missing problem, or a value of the wrong type or range.
        """
        known = {entry.name: entry for entry in fields(cls)}
        for key, value in mapping.items():
            if key not in known:
                raise ConfigError(f"unknown key {key!r}{_nearest(str(key), tuple(known))}")
            _typed(key, value, str(known[key].type))
        if "problem" not in mapping:
            raise ConfigError("the key 'problem' is missing")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in mapping.items()
        }
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The inverse of :meth:`from_mapping`."""
        return asdict(self)


_POSITIVE = (
    "minutes",
    "patience",
    "target_speedup",
    "target_roofline",
    "max_tokens_total",
    "max_usd",
    "max_requests",
    "attempt_seconds",
    "answer_seconds",
)

_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


def _typed(key: str, value: object, annotation: str) -> None:
    if annotation == "tuple[str, ...]":
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{key} is {value!r}; it must be a list of texts")
        return
    base, _, optional = annotation.partition(" | ")
    if value is None and optional == "None":
        return
    allowed = _TYPES[base]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise ConfigError(f"{key} is {value!r}; it must be of type {base}")


def _one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{key} {value!r} is unknown{_nearest(value, known)}; known: {', '.join(known)}")


def _at_least(key: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(f"{key} is {value}; it must be at least {least}")


def _nearest(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"; did you mean {close[0]!r}?" if close else ""
