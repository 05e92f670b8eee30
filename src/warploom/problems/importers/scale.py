"""What a program costs at a setting of its sizes, and settings that cost less. Imports torch.

Costs are counted, not timed: the same on every machine, and on tensors without content where the program allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from warploom.errors import ProblemError
from warploom.problems.importers.budget import BUDGETS, WISHED, Budget
from warploom.problems.importers.instance import Instance, Shapes
from warploom.problems.importers.program import Program
from warploom.problems.importers.recurrent import Steps

BYTES_PER_NS = 10.0
OPERATIONS_PER_NS = 60.0
"""What two cores do about; only the order of magnitude matters."""

HALF_WEIGHT = 30
"""An operation on float16 costs as much as so many others: few processors have one for it."""

BATCH = 32
"""A batch goes first, down to this many: what happens to one element of it stays as it was."""

SMALLEST_VARIED = 8
"""Smaller sizes are the structure of a program, such as the colours of an image, unless they lead."""

SMALL: tuple[tuple[int, ...], ...] = (
    (1, 2, 3, 5, 7, 9, 11, 13, 16, 32),
    (37, 29, 21, 17, 13, 9, 7, 5, 3, 32, 64),
    (5, 7, 3, 11, 13, 23, 33, 48),
    (65, 51, 33, 27, 19, 12, 8, 64),
)
"""Sizes for held-out workloads, tried in this order: length 1 where it can be, then awkward ones."""


class TooLarge(ProblemError):  # noqa: N818 - reads as what it is
    """No size that a program names makes it small enough."""


Sizes = dict[str, Any]
Unit = tuple[str, ...]
Look = Callable[[Mapping[str, Any]], "Seen"]


@dataclass(frozen=True)
class Seen:
    """A program at one setting, called once.

    Attributes:
        inputs: shapes of the example tensors.
        state: shapes of parameters and buffers.
        outputs: shapes of the results.
        traffic_bytes: all of these together.
        touched_bytes: results of every operation on the way.
        operations: of products and convolutions.
        weight: what one of them costs, see :data:`HALF_WEIGHT`.
    """

    inputs: Shapes
    state: Shapes
    outputs: Shapes
    traffic_bytes: int = field(compare=False)
    touched_bytes: int = field(compare=False)
    operations: int = field(compare=False)
    weight: int = field(default=1, compare=False)

    @property
    def cost_ns(self) -> float:
        """About how long a call takes."""
        return self.touched_bytes / BYTES_PER_NS + self.weight * self.operations / OPERATIONS_PER_NS

    def fits(self, budget: Budget) -> bool:
        """Whether it can be judged here in good time."""
        return self.cost_ns <= budget.ns and self.traffic_bytes <= budget.bytes


class _Touched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        found = result if isinstance(result, list | tuple) else (result,)
        self.bytes += sum(one.numel() * one.element_size() for one in found if isinstance(one, torch.Tensor))
        return result


def look(program: Program, setting: Mapping[str, Any], device: str) -> Seen:
    """Call a program once at a setting; raises whatever it raises."""
    instance = Instance(program, setting, device)
    examples = list(instance.examples().values())
    with (
        torch.device(device),
        torch.no_grad(),
        _Touched() as touched,
        FlopCounterMode(display=False) as counter,
        Steps(lambda: (touched.bytes, int(counter.get_total_flops()))) as steps,
    ):
        outputs = instance.call(examples, {})
    if any(tensor.numel() == 0 for tensor in (*examples, *outputs)):
        raise ProblemError("a tensor would be empty")
    every = (*examples, *instance.state.values(), *outputs)
    touched_bytes, operations = steps.left_out
    return Seen(
        tuple(tuple(one.shape) for one in examples),
        tuple(tuple(one.shape) for one in instance.state.values()),
        tuple(tuple(one.shape) for one in outputs),
        sum(one.numel() * one.element_size() for one in every),
        touched_bytes + touched.bytes + sum(one.numel() * one.element_size() for one in every),
        operations + int(counter.get_total_flops()),
        _weight(every),
    )


def _weight(tensors: Sequence[torch.Tensor]) -> int:
    """What an operation on these costs."""
    return HALF_WEIGHT if any(one.dtype is torch.float16 for one in tensors) else 1


def glance(program: Program, setting: Mapping[str, Any]) -> Seen:
    """The arguments alone, without content and without a call; raises whatever making them raises."""
    instance = Instance(program, setting, "meta")
    every = (*instance.examples().values(), *instance.state.values())
    shapes = tuple(tuple(one.shape) for one in every)
    traffic = sum(one.numel() * one.element_size() for one in every)
    weight = _weight(every)
    return Seen(shapes, (), (), traffic, weight * traffic if weight > 1 else 0, 0)


def lighter(see: Look, sizes: Mapping[str, int]) -> Sizes:
    """The sizes, halved one after another until a call takes no longer than it may; in few calls, as they have content.

    Args:
        see: calls the program at a setting, as :func:`look` does; where that fails, the size stays.
        sizes: to begin with.
    """
    setting, stuck = dict(sizes), set[str]()
    seen = see(setting)
    while seen.cost_ns > WISHED.ns:
        free = [name for name in setting if name not in stuck and _may_halve((name,), setting, WISHED)]
        if not free:
            break
        name = max(free, key=lambda one: (_is_batch((one,)) and setting[one] > BATCH, setting[one]))
        smaller = {**setting, name: setting[name] // 2}
        try:
            seen = see(smaller)
            setting = smaller
        except Exception:  # noqa: BLE001 - foreign code: a setting at which it fails is none
            stuck.add(name)
    return setting


class Scale:
    """Finds settings of a program's sizes.

    Sizes that only change together, as the length of two tensors that are multiplied does, are changed together: those
    that are written with the same value.

    Args:
        see: calls the program at a setting, as :func:`look` does.
        written: sizes as they are written.

    Raises:
        ProblemError: the program does not run as it is written.
    """

    def __init__(self, see: Look, written: Mapping[str, int]) -> None:
        self._see, self._known = see, dict[tuple[tuple[str, Any], ...], Seen | None]()
        self._written, self._parts = dict(written), -1
        start = self.seen(self._written)
        if start is None:
            raise ProblemError("the program does not run as it is written")
        self._start, self._parts = start, len(start.state)
        self._units = tuple(dict.fromkeys(map(self._unit, self._written)))

    def seen(self, setting: Mapping[str, Any]) -> Seen | None:
        """The program at this setting; None where it does not run, or is made of other parts: with fewer layers."""
        key = tuple(sorted(setting.items()))
        if key not in self._known:
            try:
                found = self._see(setting)
                self._known[key] = found if self._parts in (-1, len(found.state)) else None
            except Exception:  # noqa: BLE001 - foreign code: a setting at which it fails is none
                self._known[key] = None
        return self._known[key]

    def shrunk(self, budgets: Sequence[Budget] = BUDGETS) -> Sizes:
        """The written sizes, halved one after another until the program fits: batches first, then the largest.

        Args:
            budgets: that it may fit into; the first that it can be made to fit into holds.

        Raises:
            TooLarge: it cannot be made to fit into any.
        """
        for budget in budgets:
            found = self._shrunk(budget)
            if found is not None:
                return found
        seen = self._start
        raise TooLarge(
            f"it is too large: about {seen.cost_ns / 1e6:.0f} ms and {seen.traffic_bytes >> 20} MiB a call, "
            "and the sizes that its file names do not make it small: name more of them at module level, or give "
            "--scale full"
        )

    def _shrunk(self, budget: Budget) -> Sizes | None:
        setting, seen = dict(self._written), self._start
        stuck: set[Unit] = set()
        while not seen.fits(budget):
            free = [unit for unit in self._units if unit not in stuck and _may_halve(unit, setting, budget)]
            if not free:
                return None
            unit = max(free, key=lambda one: (_is_batch(one) and setting[one[0]] > BATCH, setting[one[0]]))
            smaller = {**setting, **dict.fromkeys(unit, setting[unit[0]] // 2)}
            found = self.seen(smaller)
            if found is None or (found.cost_ns, found.traffic_bytes) >= (seen.cost_ns, seen.traffic_bytes):
                stuck.add(unit)
            else:
                setting, seen = smaller, found
        return setting

    def data(self, setting: Mapping[str, Any]) -> list[str]:
        """The sizes that change the shape of an example argument: what only a model's weights know stays a number."""
        base = self.seen(setting)
        assert base is not None
        leading = base.inputs[0][:1] if base.inputs else ()
        found: list[str] = []
        for unit in self._units:
            value = setting[unit[0]]
            for other in (value // 2, value + 1, 2 * value):
                seen = self.seen({**setting, **dict.fromkeys(unit, other)}) if other >= 1 else None
                if seen is not None:
                    if seen.inputs != base.inputs and (value >= SMALLEST_VARIED or (value,) == leading):
                        found += unit
                    break
        return found

    def small(self, setting: Mapping[str, Any], names: Sequence[str]) -> list[Sizes]:
        """Settings for held-out workloads: these sizes small and awkward, wherever the program still runs."""
        units = sorted((unit for unit in self._units if unit[0] in names), key=lambda unit: -setting[unit[0]])
        found: list[Sizes] = []
        for preferred in SMALL:
            made = dict(setting)
            for place, unit in enumerate(units):
                # Each begins further on in the list, or two of them would be one length everywhere.
                start = 0 if preferred[0] == 1 else place % len(preferred)
                for value in preferred[start:] + preferred[:start]:
                    trial = {**made, **dict.fromkeys(unit, value)}
                    if value < setting[unit[0]] and self.seen(trial) is not None:
                        made = trial
                        break
            seen = self.seen(made)
            if seen is not None and all(self._shapes(made) != self._shapes(one) for one in (*found, setting)):
                found.append(made)
        return found

    def _unit(self, name: str) -> Unit:
        """The sizes that must change with this one: it alone wherever the program runs with it alone changed."""
        value = self._written[name]
        others = (value // 2, value + 1, 2 * value)
        if not any(other >= 1 and self.seen({**self._written, name: other}) for other in others):
            group = tuple(one for one, own in self._written.items() if own == value)
            if any(other >= 1 and self.seen({**self._written, **dict.fromkeys(group, other)}) for other in others):
                return group
        return (name,)

    def _shapes(self, setting: Mapping[str, Any]) -> tuple[Shapes, Shapes]:
        seen = self.seen(setting)
        assert seen is not None
        return seen.inputs, seen.state


def _may_halve(unit: Unit, setting: Mapping[str, int], budget: Budget) -> bool:
    return setting[unit[0]] // 2 >= (1 if _is_batch(unit) else budget.least)


def _is_batch(unit: Unit) -> bool:
    return any("batch" in name.lower() for name in unit)
