"""Stop a process from outside, and see that it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_PATIENCE_SECONDS = 10.0
"""A thread stops when it is next scheduled: at once, unless the machine has no time for it, as seen for a second."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def freeze(pid: int, pidfd: int) -> bool:
    """Stop all threads of a process.

    Args:
        pid: its number here.
        pidfd: a descriptor of it, so that a number used again can never be hit.

    Returns:
        Whether every thread is seen stopped; True too when the process is gone, which its owner learns soon enough.

    Raises:
        ProcessLookupError: it is gone already.
    """
    signal.pidfd_send_signal(pidfd, signal.SIGSTOP)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    directory = f"/proc/{pid}/task"
    while True:
        try:
            threads = os.listdir(directory)  # noqa: PTH208 - on the way of every call, and half the time
            # A thread being born while the list was read shows in the second list.
            if all(_stopped(f"{directory}/{thread}/stat") for thread in threads):
                again = os.listdir(directory)  # noqa: PTH208
                if threads == again:
                    return True
        except (FileNotFoundError, ProcessLookupError):
            if not Path(directory).exists():
                return True
        if time.monotonic() > deadline:
            return False


@contextlib.contextmanager
def aside(pid: int, drawn: int = 1) -> Iterator[None]:
    """Keep the threads of a process off one core, on which the caller is meanwhile; afterwards all is as before.

    Where a process keeps every core busy, whoever wants to stop it gets no time to before it is done. A process that
    found itself on fewer cores would know, so the caller draws by lot whether it is done.

    Args:
        pid: the process.
        drawn: 0 leaves everything as it is.
    """
    cores = os.sched_getaffinity(0)
    if len(cores) < 2 or not drawn:
        yield
        return
    own = {max(cores)}
    before = {thread: os.sched_getaffinity(thread) for thread in _threads(pid)}
    _put(before, cores - own)
    os.sched_setaffinity(0, own)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for thread in _threads(pid):
            _put([thread], before.get(thread, cores))


def spin(until: Callable[[], bool], seconds: float) -> None:
    """Wait for this, at most so long, without a pause: on a busy machine the moment would be over."""
    end = time.perf_counter() + seconds
    while not until() and time.perf_counter() < end:
        pass


def _threads(pid: int) -> list[int]:
    try:
        return [int(thread) for thread in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
    except OSError:
        return []


def _put(threads: Iterable[int], cores: set[int]) -> None:
    for thread in threads:
        with contextlib.suppress(OSError):  # it is gone
            os.sched_setaffinity(thread, cores)


def _stopped(path: str) -> bool:
    """Whether the thread behind this stat file runs no more: stopped, or dead."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        stat = os.read(descriptor, 512)
    finally:
        os.close(descriptor)
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] in (b"T", b"t", b"Z", b"X")


def private_bytes(pid: int) -> int:
    """Private memory (data and stack) of a process in bytes, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[5]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def processor_ns(pid: int) -> int:
    """Processor time that all threads of a process have used; the clock is that of clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2)
