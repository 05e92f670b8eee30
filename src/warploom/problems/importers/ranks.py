"""A job of several ranks as one call: every rank is a thread, and what they send each other stays in memory.

The problem is then the whole job: its inputs are those of all ranks, and so are its outputs. Imports torch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch

from warploom.problems.importers.exact import in_double

DEADLINE_S = 60.0
"""A rank that waits longer for the others waits in vain."""


class Ranks:
    """A function of one rank's data, as a function of all ranks' data.

    Args:
        function: calls ``torch.distributed`` for what the other ranks have.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, data: Sequence[Any]) -> list[Any]:
        """The results of all ranks, in order."""
        meeting = _Meeting(len(data))
        results: list[Any] = [None] * len(data)
        errors: list[BaseException] = []
        exact = torch.get_default_dtype() is torch.float64

        def work(rank: int) -> None:
            _here.rank, _here.meeting = rank, meeting
            try:
                with torch.no_grad():
                    if exact:  # what stands around a call stands around its own thread alone
                        with in_double():
                            results[rank] = self._function(data[rank])
                    else:
                        results[rank] = self._function(data[rank])
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)
                meeting.barrier.abort()

        put_in()
        threads = [threading.Thread(target=work, args=(rank,), daemon=True) for rank in range(len(data))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise next((one for one in errors if not isinstance(one, threading.BrokenBarrierError)), errors[0])
        return results


class _Meeting:
    """Where ranks lay down what the others want."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.barrier = threading.Barrier(size, timeout=DEADLINE_S)
        self._laid: list[Any] = [None] * size

    def exchange(self, mine: Any) -> list[Any]:
        """What every rank laid down."""
        self._laid[_here.rank] = mine
        self.barrier.wait()
        found = list(self._laid)
        self.barrier.wait()
        return found


class _Here(threading.local):
    rank = 0
    meeting = _Meeting(1)


_here = _Here()


class _Done:
    def wait(self, timeout: object = None) -> bool:
        return True


def _all_gather_into_tensor(output: torch.Tensor, mine: torch.Tensor, *_: object, **__: object) -> _Done:
    output.copy_(torch.cat(_here.meeting.exchange(mine)).view(output.shape))
    return _Done()


def _all_gather(outputs: Sequence[torch.Tensor], mine: torch.Tensor, *_: object, **__: object) -> _Done:
    for output, one in zip(outputs, _here.meeting.exchange(mine), strict=True):
        output.copy_(one)
    return _Done()


def _reduce_scatter_tensor(output: torch.Tensor, mine: torch.Tensor, *_: object, **__: object) -> _Done:
    output.copy_(_sum(mine).chunk(_here.meeting.size)[_here.rank].view(output.shape))
    return _Done()


def _all_reduce(mine: torch.Tensor, *_: object, **__: object) -> _Done:
    mine.copy_(_sum(mine))
    return _Done()


def _all_to_all_single(
    output: torch.Tensor,
    mine: torch.Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    *_: object,
    **__: object,
) -> _Done:
    sizes = list(input_split_sizes or [len(mine) // _here.meeting.size] * _here.meeting.size)
    parts = [given[_here.rank] for given in _here.meeting.exchange(torch.split(mine, sizes))]
    output.copy_(torch.cat(parts).view(output.shape))
    return _Done()


def _sum(mine: torch.Tensor) -> torch.Tensor:
    """The sum over ranks, added in their order; nobody writes before all have read."""
    return torch.stack(_here.meeting.exchange(mine.clone())).sum(0)


def put_in() -> None:
    """Put these in place of ``torch.distributed``'s own, for good."""
    module: Any = torch.distributed
    module.is_initialized = lambda: True
    module.get_rank = lambda *_, **__: _here.rank
    module.get_world_size = lambda *_, **__: _here.meeting.size
    module.barrier = lambda *_, **__: _here.meeting.exchange(None) and None
    for function in (_all_gather_into_tensor, _all_gather, _reduce_scatter_tensor, _all_reduce, _all_to_all_single):
        setattr(module, function.__name__.removeprefix("_"), function)
