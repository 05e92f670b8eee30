"""Memory that the judge and a worker share: one memfd of fixed size each."""

from __future__ import annotations

import fcntl
import mmap
import os
from types import TracebackType

_ADD_SEALS = 1033
_SEAL_SEAL = 0x1
_SEAL_SHRINK = 0x2
_SEAL_GROW = 0x4
_SEAL_FUTURE_WRITE = 0x10

LARGE_BYTES = 1 << 28
"""From here on a buffer is compared with what the machine has left."""


def available_bytes() -> int:
    """Memory that can be had without swapping, as the kernel estimates it."""
    with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123 - the shortest way
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))


class SharedBuffer:
    """A block of zeroed memory with a descriptor that can be handed to a worker.

    Its size is sealed, so no worker can cut it short under the judge's feet. Asking for
    :attr:`read_only_fd` makes it an *input* for good: from then on the kernel refuses every new
    writable mapping and every ``write``, through whatever descriptor and even after re-opening it by
    ``/proc``; only :attr:`memory`, mapped before, still writes. Asking for :attr:`fd` makes it an *output* for good:
    no worker can seal it against the next one.

    Attributes:
        size_bytes: as asked for, at least 1.
        memory: the owner's own view, readable and writable, its pages already there.

    Raises:
        MemoryError: it is more than the machine has left.
    """

    def __init__(self, size_bytes: int) -> None:
        if size_bytes < 1:
            raise ValueError(f"a buffer needs at least one byte, got {size_bytes}")
        # Its pages are taken at once, and the kernel would end the judge rather than refuse them.
        if size_bytes > LARGE_BYTES and size_bytes > available_bytes():
            raise MemoryError(f"a buffer of {size_bytes / 1e9:.1f} GB, more than this machine has left")
        self.size_bytes = size_bytes
        self._fd = os.memfd_create("warploom", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._reader = -1
        self._output = False
        try:
            os.ftruncate(self._fd, size_bytes)
            self.memory = mmap.mmap(self._fd, size_bytes, mmap.MAP_SHARED | mmap.MAP_POPULATE)
            fcntl.fcntl(self._fd, _ADD_SEALS, _SEAL_SHRINK | _SEAL_GROW)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def sealed(self) -> bool:
        """Whether :attr:`read_only_fd` was asked for, which makes this buffer an input for good."""
        return self._reader >= 0

    @property
    def fd(self) -> int:
        """A descriptor for reading and writing; asking for it makes the buffer an output, see above."""
        if not self._output and not self.sealed and self._fd >= 0:
            fcntl.fcntl(self._fd, _ADD_SEALS, _SEAL_SEAL)
            self._output = True
        return self._fd

    @property
    def read_only_fd(self) -> int:
        """A descriptor through which nothing can be written; asking for it makes the buffer an input, see above.

        Raises:
            ValueError: it is an output.
        """
        if self._reader < 0:
            if self._output:
                raise ValueError("a buffer that took outputs once cannot be an input")
            fcntl.fcntl(self._fd, _ADD_SEALS, _SEAL_FUTURE_WRITE | _SEAL_SEAL)
            self._reader = os.open(f"/proc/self/fd/{self._fd}", os.O_RDONLY | os.O_CLOEXEC)
        return self._reader

    def close(self) -> None:
        """Give the memory back. The view must have no exported pointers any more (``memoryview``, numpy arrays)."""
        if self._fd < 0:
            return
        self.memory.close()
        os.close(self._fd)
        if self._reader >= 0:
            os.close(self._reader)
        self._fd = self._reader = -1

    def __enter__(self) -> SharedBuffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
