"""What may be put into a program's tensors, found out by calling it at a small setting. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.foreign import Instance, in_double
from warploom.values.problem import ITEM_BYTES, Tensor

RECIPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "normal": lambda values: values,
    "offset": lambda values: values + 100,
    "wide": lambda values: values * 10.0 ** (6 * torch.rand_like(values) - 3),
    "large": lambda values: values * 1e3,
    "spikes": lambda values: torch.where(torch.rand_like(values) < 0.01, 1e3 * values, values),
    "tiny": lambda values: values * 1e-3,
}
"""Recipe of a workload → what it makes of normal numbers, as :mod:`warploom.judge.inputs` does it."""

NEAR_ONE = 4.0
"""Own values within such a factor of unit size are drawn with unit size."""

NEARLY_ALL = 0.95


class Caller:
    """A program at one setting, called in its own type and in float64.

    Args:
        make: the program at the setting, built anew.
        state: parameters and buffers that are inputs.
        room: places of example arguments that are none.
    """

    def __init__(self, make: Callable[[], Instance], state: Sequence[str] = (), room: Sequence[int] = ()) -> None:
        self.own, self._double = make(), make()
        if self._double.module is not None:
            self._double.module.double()
        self.state, self.room = tuple(state), tuple(room)

    def tensors(self) -> list[torch.Tensor]:
        """The program's own arguments and state, as it drew them."""
        examples = [one for place, one in enumerate(self.own.examples().values()) if place not in self.room]
        return [*examples, *(self.own.state[name] for name in self.state)]

    def plain(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The results; the tensors are copied first, for the program may write to them."""
        return self._call(self.own, [one.clone() for one in tensors])

    def exact(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The results in float64."""
        with in_double():
            return self._call(
                self._double, [one.double() if one.is_floating_point() else one.clone() for one in tensors]
            )

    def changes(self, tensors: Sequence[torch.Tensor]) -> list[int]:
        """Numbers of the tensors that a call writes to."""
        given = [one.clone() for one in tensors]
        self._call(self.own, given)
        return [number for number, (one, kept) in enumerate(zip(given, tensors, strict=True)) if not same(one, kept)]

    def _call(self, instance: Instance, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        count = len(tensors) - len(self.state)
        with torch.no_grad():
            torch.manual_seed(torch.seed())
            arguments = instance.with_room(tensors[:count], self.room)
            if instance is self._double:
                arguments = [one.double() if one.is_floating_point() else one for one in arguments]
            return instance.call(arguments, dict(zip(self.state, tensors[count:], strict=True)))


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal in type, shape and every bit."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(*(tensor.detach().reshape(-1).view(torch.uint8) for tensor in (one, other)))


def check(caller: Caller) -> None:
    """Whether the program can be judged: a function of its arguments, with results of known types, also in float64.

    Raises:
        ProblemError: it cannot; says why.
    """
    tensors = caller.tensors()
    first, second = caller.plain(tensors), caller.plain(tensors)
    if not first:
        raise ProblemError("the reference returns no tensor and no number: there is nothing to judge")
    if not all(same(one, other) for one, other in zip(first, second, strict=True)):
        raise ProblemError(
            "the same inputs give different outputs: it draws random numbers, and no kernel can be compared with that; "
            "draw them in the arguments, or leave them out"
        )
    for number, output in enumerate(first):
        kind(output, f"output {number}")
    for number, (own, wide) in enumerate(zip(first, caller.exact(tensors), strict=True)):
        if own.is_floating_point() and wide.dtype is not torch.float64:
            raise ProblemError(
                f"output {number} of float64 inputs is {str(wide.dtype).removeprefix('torch.')}: the reference names a "
                "type, and there is nothing exact to compare with; take types from the inputs"
            )


def filled(caller: Caller) -> list[int]:
    """Places of example arguments whose content the program replaces and never reads: room for its results."""
    tensors = caller.tensors()
    before = caller.plain(tensors)
    found = []
    for place in caller.changes(tensors):
        other = list(tensors)
        other[place] = torch.ones_like(tensors[place])
        if all(same(one, now) for one, now in zip(before, caller.plain(other), strict=True)):
            found.append(place)
    return found if len(found) < len(tensors) else []


def kind(tensor: torch.Tensor, what: str) -> str:
    """The name of a tensor's type.

    Raises:
        ProblemError: no kernel can be given tensors of this type.
    """
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in ITEM_BYTES or tensor.layout is not torch.strided:
        raise ProblemError(f"{what} is {name} ({tensor.layout}); known: dense tensors of {', '.join(ITEM_BYTES)}")
    return name


def used_state(make: Callable[[int], Instance], training: bool) -> list[str]:
    """Parameters and buffers that the outputs depend on, in the module's order.

    Args:
        make: the program, built with a seed.
        training: whether it stays in training mode.

    Returns:
        Every parameter, and every buffer that differs from seed to seed or holds running statistics, unless changing
        it changes nothing. Other buffers are constants of the program.
    """
    one, other = make(1), make(2)
    if one.module is None:
        return []
    parameters = dict(one.module.named_parameters())
    open_to = [
        name
        for name, tensor in one.state.items()
        if name in parameters
        or not same(tensor, other.state[name])
        or (not training and name.rpartition(".")[2] in ("running_mean", "running_var"))
    ]
    caller = Caller(lambda: make(1), open_to)
    tensors = caller.tensors()
    before = caller.exact(tensors)
    count = len(tensors) - len(open_to)
    found = []
    for number, name in enumerate(open_to, start=count):
        moved = list(tensors)
        moved[number] = _moved(tensors[number])
        after = caller.exact(moved)
        if not all(same(a, b) for a, b in zip(before, after, strict=True)):
            found.append(name)
    return found


def tensor_of(name: str, shape: str, drawn: Sequence[torch.Tensor], axes: Mapping[str, Sequence[int]]) -> Tensor:
    """The tensor as a problem names it.

    Args:
        name: for messages.
        shape: its symbolic shape.
        drawn: as the program drew it, one a setting; the first setting is the timed one.
        axes: axis → length at every setting.
    """
    dtype = kind(drawn[0], name)
    if drawn[0].is_floating_point():
        return Tensor(shape, dtype, scale=_size(drawn[0]), positive=name.endswith("running_var"))
    if dtype == "bool":
        return Tensor(shape, dtype)
    low = min(int(one.min()) for one in drawn)
    tops = [int(one.max()) + 1 for one in drawn]
    for axis, lengths in axes.items():
        if NEARLY_ALL * lengths[0] <= tops[0] and all(top <= most for top, most in zip(tops, lengths, strict=True)):
            return Tensor(shape, dtype, low=low, high=axis)
    return Tensor(shape, dtype, low=low, high=max(tops))


def accepted(caller: Caller, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[str]]:
    """The tensors, positive ones where the reference needs that, and the recipes that it accepts.

    A draw is accepted when everything that comes out is finite, in the program's own type and in float64.

    Raises:
        ProblemError: the reference does not give finite results on its own arguments.
    """
    own = caller.tensors()
    if not _finite(caller, own):
        raise ProblemError("the reference gives NaN or infinities on its own arguments")
    chosen = list(tensors)
    if not _finite(caller, _draw(chosen, own, "normal")):
        signed = [t.is_floating_point() and float(t.min()) < 0 for t in own]
        chosen = [
            one if below else replace(one, positive=one.dtype in _FLOATS)
            for one, below in zip(chosen, signed, strict=True)
        ]
        if not _finite(caller, _draw(chosen, own, "normal")):
            raise ProblemError(
                "the reference gives NaN or infinities on normally distributed values, and on their absolute values: "
                "its arguments need a distribution of their own, which cannot be drawn yet"
            )
    return chosen, [recipe for recipe in RECIPES if _finite(caller, _draw(chosen, own, recipe))]


_FLOATS = ("float32", "float64", "float16", "bfloat16")


def _draw(tensors: Sequence[Tensor], own: Sequence[torch.Tensor], recipe: str) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    found = []
    for tensor, example in zip(tensors, own, strict=True):
        if not example.is_floating_point():
            found.append(example)
            continue
        values = RECIPES[recipe](torch.randn(example.shape, generator=generator))
        values = values.abs() if tensor.positive else values
        found.append((values * tensor.scale).to(example.dtype))
    return found


def _finite(caller: Caller, tensors: Sequence[torch.Tensor]) -> bool:
    try:
        results = [*caller.plain(tensors), *caller.exact(tensors)]
    except (RuntimeError, ValueError, IndexError, ArithmeticError):
        return False
    return all(bool(one.isfinite().all()) for one in results)


def _size(values: torch.Tensor) -> float:
    """Root mean square, to two digits; 1 where it is near, zero or not finite."""
    size = float(values.double().square().mean().sqrt())
    if not math.isfinite(size) or size == 0 or 1 / NEAR_ONE <= size <= NEAR_ONE:
        return 1.0
    return float(f"{size:.2g}")


def _moved(tensor: torch.Tensor) -> torch.Tensor:
    """Another tensor of the same kind, near in size."""
    if tensor.dtype is torch.bool:
        return ~tensor
    if not tensor.is_floating_point():
        return tensor.flatten().flip(0).view(tensor.shape)  # whatever it counts or points at stays in range
    generator = torch.Generator().manual_seed(11)
    return tensor + 0.5 * (tensor.abs() + 0.1) * torch.rand(tensor.shape, generator=generator).to(tensor.dtype)
