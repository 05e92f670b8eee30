"""Parameters: the ones moves introduce and the ones ``TUNE(...)`` lines declare, searched together.

The structure (root, moves and sites) stays as it is; only numbers change. Suggestions come from optuna's
tree-structured Parzen estimator, warm-started with everything measured for the same structure, and never repeat.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna

from warploom.errors import NothingToPropose
from warploom.values.candidate import Scalar, Step

Space = Mapping[str, Sequence[Scalar]]
Point = dict[str, Scalar]

MOST_STRUCTURES = 64
MOST_TRIALS = 128
RANDOM_TRIES = 24
MODEL_TRIES = 4
MOST_ENUMERATED = 1024


def structure_key(root: str, steps: Sequence[Step]) -> str:
    """Names what stays the same while parameters are tuned."""
    return json.dumps([root, [[step.move, step.site] for step in steps]])


class Tuner:
    """Suggests points of a space; remembers what each structure's points gave."""

    def __init__(self) -> None:
        self._history: OrderedDict[str, dict[str, float]] = OrderedDict()
        optuna.logging.set_verbosity(optuna.logging.ERROR)

    def suggest(self, structure: str, space: Space, current: Point, rng: random.Random) -> Point:
        """A point not yet tried.

        Raises:
            NothingToPropose: every point of the space was tried.
        """
        free = {name: list(values) for name, values in space.items() if len(values) > 1}
        if not free:
            raise NothingToPropose("nothing to tune: no parameter has a choice")
        tried = self._restricted(structure, free)
        seen = {*tried, _key({name: current[name] for name in free})}
        if len(tried) >= 4:
            point = self._model(free, tried, rng)
            if _key(point) not in seen:
                return point
        for _ in range(RANDOM_TRIES):
            point = {name: current[name] for name in free}
            for name in rng.sample(sorted(free), k=min(len(free), rng.choice((1, 1, 2, 3)))):
                point[name] = rng.choice([value for value in free[name] if value != point[name]])
            if _key(point) not in seen:
                return point
        if math.prod(len(values) for values in free.values()) <= MOST_ENUMERATED:
            left = [point for point in _points(free) if _key(point) not in seen]
            if left:
                return rng.choice(left)
        raise NothingToPropose("every setting near this one was tried")

    def learn(self, structure: str, point: Point, fitness: float | None) -> None:
        """What a point gave; None when it failed, which counts as worse than anything seen."""
        trials = self._history.setdefault(structure, {})
        self._history.move_to_end(structure)
        worst = min(trials.values(), default=0.0)
        trials[_key(point)] = worst - 1.0 if fitness is None else fitness
        while len(trials) > MOST_TRIALS:
            trials.pop(next(iter(trials)))
        while len(self._history) > MOST_STRUCTURES:
            self._history.popitem(last=False)

    def _restricted(self, structure: str, free: Mapping[str, Sequence[Scalar]]) -> dict[str, float]:
        """Everything measured for the structure, as points of the free parameters alone."""
        trials: dict[str, float] = {}
        for key, fitness in self._history.get(structure, {}).items():
            point = dict(json.loads(key))
            if all(point.get(name) in values for name, values in free.items()):
                trials[_key({name: point[name] for name in free})] = fitness
        return trials

    def _model(self, free: dict[str, list[Scalar]], tried: dict[str, float], rng: random.Random) -> Point:
        sampler = optuna.samplers.TPESampler(seed=rng.randrange(2**31), n_startup_trials=4)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = {name: _distribution(values) for name, values in free.items()}
        for key, value in tried.items():
            point = dict(json.loads(key))
            params = {name: _encode(free[name], point[name]) for name in free}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
        for _ in range(MODEL_TRIES):
            params = study.ask(distributions).params
            suggestion = {name: _decode(free[name], params[name]) for name in free}
            if _key(suggestion) not in tried:
                break
        return suggestion

    def snapshot(self) -> dict[str, Any]:
        """What was learned, as JSON values."""
        return {structure: dict(trials) for structure, trials in self._history.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._history = OrderedDict((structure, dict(trials)) for structure, trials in state.items())


def _points(free: Mapping[str, Sequence[Scalar]]) -> Iterator[Point]:
    for values in itertools.product(*free.values()):
        yield dict(zip(free, values, strict=True))


def _distribution(values: Sequence[Scalar]) -> optuna.distributions.BaseDistribution:
    """Numbers are ordered, and the model may know it: they are searched by rank."""
    if all(isinstance(value, int | float) for value in values):
        return optuna.distributions.IntDistribution(0, len(values) - 1)
    return optuna.distributions.CategoricalDistribution(list(values))


def _ranked(values: Sequence[Scalar]) -> list[Scalar]:
    return sorted(values, key=float)


def _encode(values: Sequence[Scalar], value: Scalar) -> Scalar:
    if isinstance(_distribution(values), optuna.distributions.IntDistribution):
        return _ranked(values).index(value)
    return value


def _decode(values: Sequence[Scalar], value: Any) -> Scalar:
    if isinstance(_distribution(values), optuna.distributions.IntDistribution):
        return _ranked(values)[int(value)]
    return str(value)


def _key(point: Mapping[str, Scalar]) -> str:
    return json.dumps(sorted(point.items()))
