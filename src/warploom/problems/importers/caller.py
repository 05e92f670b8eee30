"""A program called at a small setting, to find out what it is: what it reads, writes and depends on. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.dropout import GivenDropout
from warploom.problems.importers.exact import in_double
from warploom.problems.importers.instance import Instance
from warploom.values.problem import ITEM_BYTES


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
        return self.own.begin(self.state, self.room)

    def plain(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The results; the tensors are copied first, for the program may write to them."""
        return self._call(self.own, [one.clone() for one in tensors])

    def exact(self, tensors: Sequence[torch.Tensor], *, slopes: bool = False) -> list[torch.Tensor]:
        """The results in float64; with ``slopes``, so that gradients can be asked for."""
        with in_double():
            return self._call(
                self._double, [one.double() if one.is_floating_point() else one.clone() for one in tensors], slopes
            )

    def changes(self, tensors: Sequence[torch.Tensor]) -> list[int]:
        """Numbers of the tensors that a call writes to."""
        given = [one.clone() for one in tensors]
        self._call(self.own, given)
        return [number for number, (one, kept) in enumerate(zip(given, tensors, strict=True)) if not same(one, kept)]

    def _call(self, instance: Instance, tensors: Sequence[torch.Tensor], slopes: bool = False) -> list[torch.Tensor]:
        count = len(tensors) - len(self.state)
        with torch.set_grad_enabled(slopes):
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
        Every parameter, and every buffer that differs from seed to seed or holds running statistics, unless nothing is
        computed from it. Other buffers are constants of the program.
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
    drawn = {f"{name}.noise" for name, part in one.module.named_modules() if isinstance(part, GivenDropout)}
    caller = Caller(lambda: make(1), open_to)
    tensors = caller.tensors()
    before = caller.exact(tensors)
    count = len(tensors) - len(open_to)
    connected = _connected(caller, tensors, count)
    found = []
    for number, name in enumerate(open_to, start=count):
        if number in connected or name in drawn:
            found.append(name)
            continue
        after = caller.exact([*tensors[:number], _moved(tensors[number]), *tensors[number + 1 :]])
        if not all(same(a, b) for a, b in zip(before, after, strict=True)):
            found.append(name)
    return found


def _connected(caller: Caller, tensors: Sequence[torch.Tensor], count: int) -> set[int]:
    """Places from ``count`` on that the outputs are computed from, as gradients know it.

    One call for all, in place of one for each of hundreds; and a bias counts where an activation happens to be flat.
    What is not found so may matter all the same: integers, and programs that leave gradients behind.
    """
    given = [one.double().clone().requires_grad_() if one.is_floating_point() else one for one in tensors[count:]]
    wanted = {place: one for place, one in enumerate(given, start=count) if one.requires_grad}
    try:
        results = [one for one in caller.exact([*tensors[:count], *given], slopes=True) if one.requires_grad]
        slopes = torch.autograd.grad(
            results, list(wanted.values()), [torch.ones_like(one) for one in results], allow_unused=True
        )
    except Exception:  # noqa: BLE001 - foreign code, called in a way that it was not written for
        return set()
    return {place for place, slope in zip(wanted, slopes, strict=True) if slope is not None}


def _moved(tensor: torch.Tensor) -> torch.Tensor:
    """Another tensor of the same kind, near in size."""
    if tensor.dtype is torch.bool:
        return ~tensor
    if not tensor.is_floating_point():
        return tensor.flatten().flip(0).view(tensor.shape)  # whatever it counts or points at stays in range
    generator = torch.Generator().manual_seed(11)
    return tensor + 0.5 * (tensor.abs() + 0.1) * torch.rand(tensor.shape, generator=generator).to(tensor.dtype)
