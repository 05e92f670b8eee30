"""Whether a process is at work on a run: seen from outside, without touching its lock."""

from __future__ import annotations

from pathlib import Path

from warploom.archive.database import LOCK

LOCKS = Path("/proc/locks")
"""Every lock on a file that this machine knows (Linux): kind, mode, process, device and inode."""


def at_work(folder: Path) -> bool | None:
    """Whether somebody holds the lock of a run; None where that cannot be seen.

    To try the lock would hold it for a moment, and a run that began just then would be turned away.
    """
    try:
        inode = (folder / LOCK).stat().st_ino
    except OSError:
        return False
    try:
        lines = LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return any("FLOCK" in line and line.split()[-3].rpartition(":")[2] == str(inode) for line in lines if line.strip())
