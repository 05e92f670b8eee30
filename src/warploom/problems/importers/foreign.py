"""A foreign program as the reference of a problem. Imports torch: for the processes that may run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.exact import in_double
from warploom.problems.importers.instance import Instance, Setting, Shapes, seeded
from warploom.problems.importers.program import Program


class Foreign:
    """The reference function of an imported problem: takes the inputs in order, returns a tuple of the outputs.

    Args:
        program: the sources.
        state: parameters and buffers that are inputs of the problem, in order, behind the example arguments.
        changed: numbers of inputs that the program changes in place; it is given copies of these.
        room: places among the example arguments that are no inputs: tensors that the program fills with its results.
        settings: sizes by the shapes of the inputs; see :meth:`at`.
    """

    def __init__(
        self,
        program: Mapping[str, Any],
        state: Sequence[str] = (),
        changed: Sequence[int] = (),
        room: Sequence[int] = (),
        settings: Mapping[Shapes, Setting] | None = None,
    ) -> None:
        self._description, self.program = program, Program.from_mapping(program)
        self._state, self._changed, self._room = tuple(state), tuple(changed), tuple(room)
        self._settings = dict(settings or {})
        self._instances: dict[tuple[Shapes, bool], Instance] = {}
        self.__name__ = "reference"

    @property
    def first_setting(self) -> Setting:
        """The sizes that are timed."""
        return next(iter(self._settings.values()))

    def at(self, settings: Mapping[Shapes, Setting]) -> Foreign:
        """The same, told which sizes belong to which shapes of its inputs."""
        return Foreign(self._description, self._state, self._changed, self._room, settings)

    def __call__(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs; in float64 throughout where an input of float type is float64."""
        key = (tuple(tuple(tensor.shape) for tensor in tensors), any(one.dtype is torch.float64 for one in tensors))
        instance = self.instance(*key)
        given = [one.clone() if number in self._changed else one for number, one in enumerate(tensors)]
        count = len(given) - len(self._state)
        state = dict(zip(self._state, given[count:], strict=True))
        arguments = instance.with_room(given[:count], self._room)
        if key[1]:
            with in_double():
                return tuple(instance.call(_widened(arguments, self._room), state))
        return tuple(instance.call(arguments, state))

    def instance(self, shapes: Shapes, double: bool = False) -> Instance:
        """The program that is called with inputs of these shapes, made once."""
        if (shapes, double) not in self._instances:
            self._instances[shapes, double] = self._make(shapes, double)
        return self._instances[shapes, double]

    def own_inputs(self, shapes: Shapes, seed: int) -> list[torch.Tensor]:
        """What the program itself draws from a seed, a tensor an input, in order.

        Args:
            shapes: of the inputs.
            seed: of every generator that it may use; also its own argument of that name.
        """
        return Instance(self.program, seeded(self._setting(shapes), seed), seed=seed).begin(self._state, self._room)

    def _setting(self, shapes: Shapes) -> Setting:
        if shapes not in self._settings:
            raise ProblemError(f"the imported program has no sizes for inputs of the shapes {shapes}")
        return self._settings[shapes]

    def _make(self, shapes: Shapes, double: bool) -> Instance:
        instance = Instance(self.program, self._setting(shapes))
        if double and instance.module is not None:
            instance.module.double()
        return instance


def _widened(tensors: Sequence[torch.Tensor], places: Sequence[int]) -> list[torch.Tensor]:
    """Floats at these places in float64."""
    return [one.double() if place in places and one.is_floating_point() else one for place, one in enumerate(tensors)]
