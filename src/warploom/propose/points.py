"""The parameters of a recipe as a point of a space: what the tuner searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warploom.propose.recipe import Replay
from warploom.syntax import tune
from warploom.values.candidate import Candidate, Scalar, Step


def space_of(replay: Replay, root: Candidate) -> dict[str, Sequence[Scalar]]:
    """Every parameter with its choices: of the steps, and of the root's ``TUNE`` lines."""
    space: dict[str, Sequence[Scalar]] = {
        f"{index}.{name}": values
        for index, applied in enumerate(replay.applied)
        for name, values in applied.choices.items()
    }
    return space | {f"TUNE.{line.name}": line.choices for line in tune.declared(root.source)}


def point_of(steps: Sequence[Step], candidate: Candidate) -> dict[str, Scalar]:
    """The values in use, named as in :func:`space_of`."""
    point: dict[str, Scalar] = {
        f"{index}.{name}": value for index, step in enumerate(steps) for name, value in step.parameters
    }
    point |= {f"TUNE.{line.name}": line.default for line in tune.declared(candidate.source)}
    return point | {f"TUNE.{name}": value for name, value in candidate.parameters}


def with_point(index: int, step: Step, point: Mapping[str, Scalar]) -> Step:
    """The ``index``-th step of a recipe with the values that a point gives it."""
    prefix = f"{index}."
    own = {name[len(prefix) :]: value for name, value in point.items() if name.startswith(prefix)}
    return Step(step.move, step.site, tuple(sorted((dict(step.parameters) | own).items())))
