"""The clock of baselines that run on a device: inside the PyTorch process, as a candidate's worker has its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from warploom.sandbox.gpu_launch import LEAST_CLEARED_BYTES, LONGEST_PAUSE_S

Call = tuple[Callable[..., Any], tuple[torch.Tensor, ...]]


class DeviceClock:
    """Makes calls on a device and times them; see docs/decisions/0014 for the window.

    Args:
        device: PyTorch's name of it. On the processor, which stands in for one where there is none, there are no
            events and no graphs.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._events = device.type != "cpu"
        cache = getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 0) if self._events else 0
        size = max(LEAST_CLEARED_BYTES, 4 * cache) if self._events else 1
        self._scratch = torch.empty(size, dtype=torch.uint8, device=device)
        self._byte = 0

    def alone(self, calls: Sequence[Call]) -> tuple[list[Any], int]:
        """Every call by itself, on a cold and idle device; the outputs, and nanoseconds of all windows together."""
        outputs, total = [], 0
        for function, arguments in calls:
            self._rest()
            output, elapsed = self._window(lambda: function(*arguments))  # noqa: B023 - called at once
            outputs.append(output)
            total += elapsed
        return outputs, total

    def together(self, calls: Sequence[Call], graph: bool) -> tuple[list[Any], int]:
        """All calls back to back, after one train that does not count; outputs and nanoseconds.

        Args:
            calls: to be made.
            graph: replay them from a graph, where they can be captured.
        """
        work: Callable[[], Any] = lambda: [function(*arguments) for function, arguments in calls]  # noqa: E731
        work()
        work = self._captured(work) if graph and self._events else work
        self._clear()
        outputs, elapsed = self._window(work)
        return list(outputs), elapsed

    def _captured(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """The same work as a graph; as it is where something in it cannot be captured."""
        graph = torch.cuda.CUDAGraph()
        try:
            torch.cuda.synchronize(self.device)
            with torch.cuda.graph(graph):
                outputs = work()
        except RuntimeError:
            torch.cuda.synchronize(self.device)
            return work

        def replay() -> Any:
            graph.replay()
            return outputs

        return replay

    def _rest(self) -> None:
        self._clear()
        time.sleep(LONGEST_PAUSE_S * random.random())

    def _clear(self) -> None:
        """Write over the L2 cache with another byte each time, and wait for it."""
        self._byte = self._byte % 255 + 1
        self._scratch.fill_(self._byte)
        self._synchronize()

    def _synchronize(self) -> None:
        if self._events:
            torch.cuda.synchronize(self.device)

    def _window(self, work: Callable[[], Any]) -> tuple[Any, int]:
        start = _event() if self._events else None
        stop = _event() if self._events else None
        begin = time.perf_counter_ns()
        if start:
            start.record()
        output = work()
        if stop:
            stop.record()
        self._synchronize()
        elapsed = time.perf_counter_ns() - begin
        if start and stop:
            elapsed = max(elapsed, int(1e6 * start.elapsed_time(stop)))
        return output, elapsed


def _event() -> Any:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
