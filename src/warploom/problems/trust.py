"""Whose code a problem file holds, and so where it runs: the one place that decides it.

A problem file that you wrote, or that ships with Warploom, runs as you. One that Warploom made of somebody else's
program begins with a line that says so, and runs in a jail (:mod:`warploom.problems.jail`) in every process that runs
problem files. The line is written by the process that is trusted, never by the program; ``--trust`` leaves it out.
"""

from __future__ import annotations

from pathlib import Path

MARK = "# warploom: imported"

FOREIGN = f"{MARK}; it runs in a jail. Read it, and take this line out if it shall run as you do.\n"
"""The first line of a file that is not trusted."""


def is_foreign(text: str) -> bool:
    """Whether the problem file of this text may run in a jail alone."""
    return text.startswith(MARK)


def is_foreign_file(path: Path) -> bool:
    """The same of a file; whoever runs one that cannot be read will say so."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MARK)) == MARK.encode()
    except OSError:
        return False


def without_mark(text: str) -> str:
    """The text without that line: how a reference is run is no part of what is judged."""
    return text.partition("\n")[2] if is_foreign(text) else text
