"""Which pages of files a stopped process has read or written since it was asked to forget."""

from __future__ import annotations

from pathlib import Path

_REFERENCED, _FLUSHED = "1", "4"
"""Forget what was used; the second also empties the processor's own memory of that, which would hide what comes."""


def forget(pid: int) -> bool:
    """Forget which pages a process has used; returns whether this system can.

    See ``/proc/PID/clear_refs`` in proc(5). The process must be stopped, and its first writes cost a fault each then.
    """
    try:
        for what in (_REFERENCED, _FLUSHED):
            Path(f"/proc/{pid}/clear_refs").write_text(what)
    except OSError:
        return False
    return True


def touched(pid: int) -> set[tuple[int, int]] | None:
    """The mappings of files that were used since: inode, and where in the file each begins; None where nobody tells."""
    try:
        text = Path(f"/proc/{pid}/smaps").read_text()
    except OSError:
        return None
    found: set[tuple[int, int]] = set()
    mapping = (0, 0)
    for line in text.splitlines():
        first, _, rest = line.partition(" ")
        if not first.endswith(":"):  # address permissions offset device inode name
            words = rest.split()
            mapping = int(words[3]), int(words[1], 16)
        elif first == "Referenced:" and mapping[0] and rest.split()[0] != "0":
            found.add(mapping)
    return found
