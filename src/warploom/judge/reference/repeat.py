"""Whether a reference gives the same answer to the same inputs. Runs in the reference process.

A reference that draws random numbers has no right answer: its float64 result is of other draws than its own, the
tolerance grows to the distance between them, and nearly every kernel passes. Two calls that agree in every bit settle
it. Where they do not, sums may have been taken in another order (atomics); so it is the draws when answers agree as
often as PyTorch's generator is set back and never else, or when more is lost than another order could lose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch

from warploom.judge.comparison.compare import ROUNDING
from warploom.judge.comparison.tolerance import Function
from warploom.judge.reference.rounding import same

TRIES = 4


def varies(call: Function, tensors: Sequence[torch.Tensor], outputs: Mapping[str, object]) -> str:
    """Which output is another one at each call, and by how much; "" when the reference repeats itself.

    Args:
        call: the reference.
        tensors: its inputs.
        outputs: of the problem, by name.
    """
    first, second = call(*tensors), call(*tensors)
    if _agree(first, second):
        return ""
    drawn = _follows_the_generator(call, tensors)
    for name, one, other in zip(outputs, first, second, strict=False):
        if not same(one, other) and (drawn or _beyond_order(one, other)):
            apart = (one.double() - other.double()).abs().nan_to_num(nan=math.inf).max()
            return f"output {name!r} is up to {float(apart):.3g} off itself"
    return ""


def _agree(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    return all(same(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def _follows_the_generator(call: Function, tensors: Sequence[torch.Tensor]) -> bool:
    """Whether answers agree whenever the generator is set back, and never otherwise."""
    devices = sorted({tensor.get_device() for tensor in tensors if tensor.is_cuda})
    with torch.random.fork_rng(devices=devices):
        free = [call(*tensors) for _ in range(TRIES)]
        set_back = []
        for _ in range(TRIES):
            torch.manual_seed(0)
            set_back.append(call(*tensors))
    agreeing = any(_agree(one, other) for one, other in pairwise(free))
    return not agreeing and all(_agree(one, set_back[0]) for one in set_back[1:])


def _beyond_order(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether they are further apart than another order of sums could bring them: half of the digits and more."""
    if not one.is_floating_point():
        return True
    mine, theirs = one.double(), other.double()
    finite = mine.isfinite() & theirs.isfinite()
    if not same(mine.isfinite(), theirs.isfinite()):
        return True
    size = torch.maximum(mine.abs(), theirs.abs())[finite].max() if bool(finite.any()) else torch.zeros(())
    unit = ROUNDING[str(one.dtype).removeprefix("torch.")]
    apart = (mine - theirs)[finite].abs().max() if bool(finite.any()) else torch.zeros(())
    return bool(apart > math.sqrt(unit) * size)
