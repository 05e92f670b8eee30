"""A foreign program as the reference of a problem. Imports torch: for the processes that may run it."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.dropout import give
from warploom.problems.importers.program import Program
from warploom.problems.importers.sizes import compiled

SEED = 42
"""Of everything a program draws while it is set up, as KernelBench does it."""

Shapes = tuple[tuple[int, ...], ...]
Setting = Mapping[str, Any]


class Instance:
    """A program at one setting of its sizes, ready to be called.

    Args:
        program: the sources.
        setting: name → value of its sizes; what is not named keeps the value it is written with.
        device: "cpu", or "meta" for shapes without content.
        seed: of what it draws while it is set up.

    Raises:
        ProblemError: the program lacks what it must define.
        Exception: whatever the program raises.
    """

    def __init__(self, program: Program, setting: Setting, device: str = "cpu", seed: int = SEED) -> None:
        names = _run(program, setting, device)
        made = _named(names, program, program.arguments)
        with torch.device(device), torch.no_grad():
            torch.manual_seed(seed)
            example = made(**setting) if program.settings else made() if callable(made) else made
            self.function: Callable[..., Any] = _entry(names, program, seed)
        if isinstance(example, Mapping) and not program.one_argument:
            self.positional, self.keywords = [], dict(example)
        else:
            whole = program.one_argument or not isinstance(example, list | tuple)
            self.positional, self.keywords = [example] if whole else list(example), {}
        self.module = self.function if isinstance(self.function, torch.nn.Module) else None
        self.state: dict[str, torch.Tensor] = {}
        if self.module is not None:
            self.module.train(program.training)
            if give(self.module):
                with torch.device(device), torch.no_grad():
                    torch.manual_seed(seed)
                    self.call([one.clone() for one in self.examples().values()], {})
            self.state = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
            self.state = {name: tensor.detach() for name, tensor in self.state.items()}

    def examples(self) -> dict[str, torch.Tensor]:
        """The tensors among the example arguments, named after the parameters they are passed to."""
        if self.keywords:
            return dict(_leaves(self.keywords))
        called = self.module.forward if self.module is not None else self.function
        try:
            bound = inspect.signature(called).bind(*self.positional).arguments
        except (TypeError, ValueError) as error:
            raise ProblemError(f"the example arguments do not fit what they are made for: {error}") from None
        return dict(_leaves(bound))

    def with_room(self, tensors: Sequence[torch.Tensor], room: Sequence[int]) -> list[torch.Tensor]:
        """The tensors with fresh copies of the program's own at these places: where it writes its results."""
        found = list(tensors)
        if room:
            own = list(self.examples().values())
            for place in sorted(room):
                found.insert(place, own[place].clone())
        return found

    def call(self, tensors: Sequence[torch.Tensor], state: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Every tensor of the result, in order.

        Args:
            tensors: in place of the tensors of the example arguments.
            state: in place of parameters and buffers of these names.
        """
        supply = iter(tensors)
        positional = [_refill(value, supply) for value in self.positional]
        keywords = {name: _refill(value, supply) for name, value in self.keywords.items()}
        if self.module is not None and state:
            result = torch.func.functional_call(self.module, dict(state), tuple(positional), keywords)
        else:
            result = self.function(*positional, **keywords)
        if isinstance(result, torch.Tensor):
            return [result]
        return [
            leaf if isinstance(leaf, torch.Tensor) else torch.tensor(leaf, dtype=_of_number(leaf, tensors))
            for leaf in _results(result)
        ]


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
        self._description, self._program = program, Program.from_mapping(program)
        self._state, self._changed, self._room = tuple(state), tuple(changed), tuple(room)
        self._settings = dict(settings or {})
        self._instances: dict[tuple[Shapes, bool], Instance] = {}
        self.__name__ = "reference"

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

    def _make(self, shapes: Shapes, double: bool) -> Instance:
        if shapes not in self._settings:
            raise ProblemError(f"the imported program has no sizes for inputs of the shapes {shapes}")
        instance = Instance(self._program, self._settings[shapes])
        if double and instance.module is not None:
            instance.module.double()
        return instance


@contextlib.contextmanager
def in_double() -> Iterator[None]:
    """What a program makes without naming a type is float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _run(program: Program, setting: Setting, device: str) -> dict[str, Any]:
    """Run the sources; the names that the last one defines."""
    before = dict(sys.modules)
    try:
        for number, (path, text) in enumerate(program.files, start=1):
            last = number == len(program.files)
            module = ModuleType(f"warploom_imported_{Path(path).stem}" if last else Path(path).stem)
            module.__file__ = path
            sys.modules[module.__name__] = module
            code = compiled(text, path, {} if program.settings else setting, device)
            with torch.device(device):
                exec(code, module.__dict__)
    finally:
        for path, _ in program.files[:-1]:
            name = Path(path).stem
            if name in before:
                sys.modules[name] = before[name]
            else:
                sys.modules.pop(name, None)
    return module.__dict__


def _named(names: Mapping[str, Any], program: Program, name: str) -> Any:
    if name not in names:
        raise ProblemError(f"{program.files[-1][0]}: it defines no {name}")
    return names[name]


def _entry(names: Mapping[str, Any], program: Program, seed: int) -> Callable[..., Any]:
    entry = _named(names, program, program.entry)
    if not (isinstance(entry, type) and issubclass(entry, torch.nn.Module)):
        if not callable(entry):
            raise ProblemError(f"{program.files[-1][0]}: {program.entry} is {type(entry).__name__}, not a function")
        function: Callable[..., Any] = entry
        return function
    construct = names.get(program.construction)
    torch.manual_seed(seed)
    arguments = construct() if callable(construct) else () if construct is None else construct
    torch.manual_seed(seed)
    if isinstance(arguments, Mapping):
        return entry(**arguments)
    arguments = list(arguments)
    # KernelBench passes keywords in a list: [[positional…], {keywords}].
    if len(arguments) == 2 and isinstance(arguments[0], list) and isinstance(arguments[1], dict):
        return entry(*arguments[0], **arguments[1])
    return entry(*arguments)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in nested lists, tuples and dictionaries, with names made from the way to them."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, f"{name}_{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _leaves(one, f"{name}_{index}")


def _refill(value: Any, supply: Iterator[torch.Tensor]) -> Any:
    """The same nesting with other tensors."""
    if isinstance(value, torch.Tensor):
        return next(supply)
    if isinstance(value, Mapping):
        return {key: _refill(one, supply) for key, one in value.items()}
    if isinstance(value, list | tuple):
        made = [_refill(one, supply) for one in value]
        return made if isinstance(value, list) else type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    return value


def _results(value: Any) -> Iterator[Any]:
    """The tensors and numbers of a result, in order; None is no result."""
    if isinstance(value, torch.Tensor | bool | int | float):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _results(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _results(one)
    elif value is not None:
        raise ProblemError(f"the reference returns a {type(value).__name__}; tensors and numbers can be judged")


def _widened(tensors: Sequence[torch.Tensor], places: Sequence[int]) -> list[torch.Tensor]:
    """Floats at these places in float64."""
    return [one.double() if place in places and one.is_floating_point() else one for place, one in enumerate(tensors)]


def _of_number(value: float, tensors: Sequence[torch.Tensor]) -> torch.dtype:
    """The type of a number that a program returns: a float is as wide as the widest input."""
    if isinstance(value, bool):
        return torch.bool
    if isinstance(value, int):
        return torch.int64
    floats = [one.dtype for one in tensors if one.is_floating_point()]
    return torch.float64 if torch.float64 in floats else torch.float32
