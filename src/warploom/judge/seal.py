"""The artifact that is loaded is the one that was built: hashed at the last moment, in a copy that nobody changes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from warploom.judge.fault import Fault
from warploom.values.outcome import Build

_ADD_SEALS = 1033
_SEAL_SEAL, _SEAL_SHRINK, _SEAL_GROW, _SEAL_WRITE = 0x1, 0x2, 0x4, 0x8


@contextlib.contextmanager
def sealed(build: Build) -> Iterator[Path]:
    """A copy of the artifact in memory, sealed for good and then hashed; its path in this process.

    Whatever happens to the build cache afterwards, what a worker is given is what was hashed.

    Raises:
        Fault: the artifact is gone, or is not the one that was built.
    """
    try:
        data = Path(build.artifact).read_bytes()
    except OSError as error:
        raise Fault("load", "rejected", f"the artifact {build.artifact} cannot be read: {error.strerror}") from error
    descriptor = os.memfd_create("artifact", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as copy:
            copy.write(data)
        fcntl.fcntl(descriptor, _ADD_SEALS, _SEAL_WRITE | _SEAL_SHRINK | _SEAL_GROW | _SEAL_SEAL)
        found = hashlib.sha256(data).hexdigest()
        if found != build.sha256:
            raise Fault(
                "load",
                "rejected",
                f"the artifact is not the one that was built: its sha256 is {found}, that of the build "
                f"{build.sha256 or 'unknown'}",
            )
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
