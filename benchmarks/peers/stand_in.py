"""A stand-in for the GPU: lets a harness that only speaks to CUDA run, unmodified, on a CPU.

It replaces parts of PyTorch, never of the harness: ``"cuda"`` as a device means the CPU; waiting for the device is
nothing, since a call on the CPU has ended when it returns; an event is the monotonic clock. What depends on a real
device (streams, its allocator, its caches) is not to be learnt this way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

NAME = "CPU in place of an NVIDIA GPU"


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and (value == "cuda" or value.startswith("cuda:")):
        return "cpu"
    return value


class _CudaMeansCpu(TorchFunctionMode):
    """Every call of PyTorch that names the device ``cuda``."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, arguments: tuple[Any, ...] = (), options: Any = None
    ) -> Any:
        if function is torch.Tensor.cuda:
            return arguments[0]
        named = {name: _on_cpu(value) for name, value in (options or {}).items()}
        return function(*(_on_cpu(value) for value in arguments), **named)


class Event:
    """What ``torch.cuda.Event`` measures, by the monotonic clock; it keeps its own reference to that clock."""

    _clock = staticmethod(time.perf_counter_ns)

    def __init__(self, **options: Any) -> None:
        self._at = 0

    def record(self, stream: Any = None) -> None:
        """Take the time."""
        self._at = self._clock()

    def synchronize(self) -> None:
        """Nothing is under way."""

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds."""
        return (end._at - self._at) / 1e6


class _Generator(torch.Generator):
    """``torch.Generator(device="cuda")``."""

    def __new__(cls, device: Any = "cpu") -> _Generator:
        return super().__new__(cls, _on_cpu(device))  # type: ignore[call-arg]


class _Device:
    """``with torch.cuda.device(…)``."""

    def __init__(self, device: Any = None) -> None:
        self.idx = 0

    def __enter__(self) -> _Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was changed."""


def _nothing() -> Callable[..., None]:
    def do_nothing(*arguments: Any, **options: Any) -> None:
        """A call on the CPU has ended when it returns."""

    return do_nothing


def install(pretend_available: bool = False) -> None:
    """From here on, CUDA is the CPU in this process.

    Args:
        pretend_available: say yes to ``torch.cuda.is_available()``, for harnesses that insist.
    """
    torch.Generator = _Generator  # type: ignore[misc]
    stand_ins: dict[str, Any] = {
        "Event": Event,
        "device": _Device,
        "current_device": lambda: 0,
        "get_device_name": lambda *arguments, **options: NAME,
        # One function each: PyTorch's compiler keeps rules by function, and none may be under two names.
        **{name: _nothing() for name in ("synchronize", "empty_cache", "reset_peak_memory_stats", "set_device")},
    }
    if pretend_available:
        stand_ins["is_available"] = lambda: True
    for name, stand_in in stand_ins.items():
        setattr(torch.cuda, name, stand_in)
    _CudaMeansCpu().__enter__()  # type: ignore[no-untyped-call]
