"""One holder a device while something is timed, across threads and processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


class Lease:
    """A device, shared by those who build and verify, held alone by the one who times.

    The locks are ``flock``s on two files, so they end with their holder, however it ends. The second file is a
    gate: whoever wants the device alone waits in it, and newcomers queue behind, so a stream of builds cannot
    starve a measurement.

    Args:
        path: the lock file; its gate stands beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    @classmethod
    def of_device(cls, device: str = "cpu") -> Lease:
        """The lease of this machine's device, the same for every process of every user."""
        return cls(Path(tempfile.gettempdir()) / f"warploom-{device}.lease")

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the device together with others, for building and verifying."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the device alone, for timing."""
        with self._held(fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _held(self, how: int) -> Iterator[None]:
        gate = _open(self.path.with_suffix(".gate"))
        try:
            fcntl.flock(gate, how)
            held = _open(self.path)
            try:
                fcntl.flock(held, how)
                fcntl.flock(gate, fcntl.LOCK_UN)
                yield
            finally:
                os.close(held)
        finally:
            os.close(gate)


def _open(path: Path) -> int:
    """A descriptor of its own for every holder: that is what a flock belongs to."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, 0o666)  # whatever the umask: other users time on this device too
        return descriptor
