"""What became of a worker that ended by itself."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from warploom.sandbox.limits import Limits
from warploom.values.outcome import Failed


class WorkerFailed(Exception):  # noqa: N818 - reads as what happened
    """A candidate's process did not do its part. It has been ended.

    Attributes:
        kind: one of :data:`warploom.values.outcome.FAILURE_KINDS`.
        message: one line for people.
        log_tail: the end of what the worker printed.
        stage: "load", or "" when it was the judge's call that failed and the judge knows which.
    """

    def __init__(self, kind: str, message: str, log_tail: str = "", stage: str = "") -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.log_tail = log_tail
        self.stage = stage

    def failed(self, stage: str, environment: Mapping[str, Any] | None = None) -> Failed:
        """As the value that is recorded; ``stage`` is used where this failure does not know its own."""
        return Failed(self.stage or stage, self.kind, self.message, self.log_tail, environment=environment or {})


def cause_of_death(
    status: int | None, log: str, peak_bytes: int, limits: Limits, under_bubblewrap: bool
) -> tuple[str, str]:
    """Kind and message of a failure.

    Args:
        status: as of ``Popen.returncode``; bubblewrap itself reports a signal as 128 + its number.
        log: what the worker printed.
        peak_bytes: most private memory seen, 0 when nobody looked in time.
        limits: the worker's.
        under_bubblewrap: how to read ``status``.
    """
    if status is None:
        return "crash", "the worker hung up without ending"
    number = -status if status < 0 else status - 128 if under_bubblewrap and status > 128 else 0
    if number == 0:
        return "crash", f"the process ended with status {status} in the middle of a call"
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    starved = "std::bad_alloc" in log or "MemoryError" in log or peak_bytes > 0.75 * limits.memory_bytes
    if number == signal.SIGSYS:
        return "limit", "a system call that no kernel needs (new process, network, other processes); ended by SIGSYS"
    if number == signal.SIGXCPU:
        return "limit", f"more than {limits.cpu_seconds} s of processor time"
    if number == signal.SIGXFSZ:
        return "limit", f"a file of more than {limits.file_bytes} bytes"
    if number == signal.SIGKILL:  # not ours, or its owner would have known why
        return "out_of_memory", "the system killed it, most likely for memory"
    if starved:
        return "out_of_memory", f"more than {limits.memory_bytes >> 20} MiB of private memory ({name})"
    return "crash", f"ended by {name}"
