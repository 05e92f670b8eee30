"""A foreign program at one setting of its sizes, ready to be called. Imports torch."""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.dropout import give
from warploom.problems.importers.nesting import leaves, refill, results
from warploom.problems.importers.program import Program
from warploom.problems.importers.ranks import Ranks
from warploom.problems.importers.sizes import compiled
from warploom.problems.importers.stand_ins import put_in
from warploom.values.problem import ITEM_BYTES, Tensor

SEED = 42
"""Of everything a program draws while it is set up, as KernelBench does it."""

_LARGEST_SEED = 1 << 31

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
        names = run(program, setting, device)
        made = _named(names, program, program.arguments)
        with torch.device(device), torch.no_grad():
            _start_drawing(seed)
            if program.ranks:
                example = [made(rank=rank, **setting) for rank in range(setting["world_size"])]
            else:
                example = made(**setting) if program.settings else made() if callable(made) else made
            self.function: Callable[..., Any] = _entry(names, program, seed)
            if program.ranks:
                self.function = Ranks(self.function)
        if isinstance(example, Mapping) and not program.one_argument:
            self.positional, self.keywords = [], dict(example)
        else:
            whole = program.one_argument or not isinstance(example, list | tuple)
            self.positional, self.keywords = [example] if whole else list(example), {}
        self._kinds = [one.dtype for _, one in leaves(self.keywords or self.positional)]
        self._as_bytes = any(map(_is_bytes, self._kinds))
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
        """The tensors among the example arguments, named after the parameters they are passed to.

        Those of types that no kernel can be given, of 8 bits and fewer, are given as bytes.
        """
        return {name: one.view(torch.uint8) if _is_bytes(one.dtype) else one for name, one in self._examples().items()}

    def has_bytes(self, name: str) -> bool:
        """Whether an example tensor's bytes stand for numbers of another type."""
        example = self._examples().get(name)
        return example is not None and _is_bytes(example.dtype)

    def is_sound(self, name: str, tensor: Tensor) -> bool:
        """Whether every byte in a tensor's range stands for a number, where its bytes stand for another type's."""
        example = self._examples().get(name)
        if example is None or not _is_bytes(example.dtype) or example.dtype is torch.float4_e2m1fn_x2:
            return True
        low, high = (one if isinstance(one, int) else end for one, end in ((tensor.low, 0), (tensor.high, 256)))
        every = torch.arange(low, high, dtype=torch.uint8).view(example.dtype)
        return bool(every.float().isfinite().all())

    def _examples(self) -> dict[str, torch.Tensor]:
        if self.keywords:
            return dict(leaves(self.keywords))
        called = self.module.forward if self.module is not None else self.function
        try:
            bound = inspect.signature(called).bind(*self.positional).arguments
        except (TypeError, ValueError) as error:
            raise ProblemError(f"the example arguments do not fit what they are made for: {error}") from None
        return dict(leaves(bound))

    def with_room(self, tensors: Sequence[torch.Tensor], room: Sequence[int]) -> list[torch.Tensor]:
        """The tensors with fresh copies of the program's own at these places: where it writes its results."""
        found = list(tensors)
        if room:
            own = list(self.examples().values())
            for place in sorted(room):
                found.insert(place, own[place].clone())
        return found

    def begin(self, state: Sequence[str], room: Sequence[int]) -> list[torch.Tensor]:
        """The program's own arguments but room, and then its state of these names."""
        examples = [one for place, one in enumerate(self.examples().values()) if place not in room]
        return [*examples, *(self.state[name] for name in state)]

    def call(self, tensors: Sequence[torch.Tensor], state: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Every tensor of the result, in order.

        Args:
            tensors: in place of the tensors of the example arguments.
            state: in place of parameters and buffers of these names.
        """
        if self._as_bytes:
            tensors = [
                one.view(kind) if _is_bytes(kind) else one for one, kind in zip(tensors, self._kinds, strict=True)
            ]
        supply = iter(tensors)
        positional = [refill(value, supply) for value in self.positional]
        keywords = {name: refill(value, supply) for name, value in self.keywords.items()}
        if self.module is not None and state:
            result = torch.func.functional_call(self.module, dict(state), tuple(positional), keywords)
        else:
            result = self.function(*positional, **keywords)
        if isinstance(result, torch.Tensor):
            return [result]
        return [
            leaf if isinstance(leaf, torch.Tensor) else torch.tensor(leaf, dtype=_of_number(leaf, tensors))
            for leaf in results(result)
        ]


def seeded(setting: Setting, seed: int) -> Setting:
    """The setting with another seed where it has one."""
    return {**setting, "seed": seed % _LARGEST_SEED} if "seed" in setting else setting


def _start_drawing(seed: int) -> None:
    """Seed what a program may draw with."""
    torch.manual_seed(seed)
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % _LARGEST_SEED)


def _is_bytes(kind: torch.dtype) -> bool:
    """Whether numbers of this type are given to kernels as bytes: float8, and float4 in pairs."""
    return kind.itemsize == 1 and str(kind).removeprefix("torch.") not in ITEM_BYTES


def run(program: Program, setting: Setting, device: str) -> dict[str, Any]:
    """Run the sources; the names that the last one defines."""
    before = dict(sys.modules)
    put_in(program.files[-1][1])
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


def _of_number(value: float, tensors: Sequence[torch.Tensor]) -> torch.dtype:
    """The type of a number that a program returns: a float is as wide as the widest input."""
    if isinstance(value, bool):
        return torch.bool
    if isinstance(value, int):
        return torch.int64
    floats = [one.dtype for one in tensors if one.is_floating_point()]
    return torch.float64 if torch.float64 in floats else torch.float32
