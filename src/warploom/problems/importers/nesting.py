"""Tensors within whatever a program takes and returns: nested containers, and objects that hold them. Imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from warploom.errors import ProblemError


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in nested lists, tuples, dictionaries and objects, with names made from the way to them."""
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    if isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from leaves(one, f"{name}_{index}")
        return
    for key, one in _members(value).items():
        yield from leaves(one, f"{name}_{key}" if name else str(key))


def refill(value: Any, supply: Iterator[torch.Tensor]) -> Any:
    """The same nesting with other tensors, in the order of :func:`leaves`; objects are copied, whatever they hold."""
    if isinstance(value, torch.Tensor):
        return next(supply)
    if isinstance(value, Mapping):
        return {key: refill(one, supply) for key, one in value.items()}
    if isinstance(value, list | tuple):
        made = [refill(one, supply) for one in value]
        return made if isinstance(value, list) else type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    held = [tensor for _, tensor in leaves(value)]
    if not held and not _is_object(value):
        return value
    others: dict[int, Any] = {}
    for tensor in held:
        others[id(tensor)] = next(supply)
    return copy.deepcopy(value, others)


def results(value: Any) -> Iterator[Any]:
    """The tensors and numbers of a result, in order; None is no result."""
    if isinstance(value, torch.Tensor | bool | int | float):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from results(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from results(one)
    elif value is not None:
        raise ProblemError(f"the reference returns a {type(value).__name__}; tensors and numbers can be judged")


def _members(value: Any) -> Mapping[Any, Any]:
    """What an object holds, by name."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, torch.nn.Module):
        return {**dict(value.named_parameters()), **dict(value.named_buffers())}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    return vars(value) if _is_object(value) else {}


def _is_object(value: Any) -> bool:
    """Whether it is an instance of a class that a program made, and so may change when it is called."""
    if isinstance(value, torch.nn.Module):
        return True
    return hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value)
