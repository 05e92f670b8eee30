"""``EVOLVE-BLOCK-START`` … ``EVOLVE-BLOCK-END``: what a proposer may change, and a check of what it did change."""

from __future__ import annotations

import re
from itertools import zip_longest

from warploom.errors import SourceError

START = "EVOLVE-BLOCK-START"
END = "EVOLVE-BLOCK-END"
_AFTER_LINE = re.compile(r"(?<=\n)")  # nothing else ends a line for a compiler, whatever str.splitlines says


def split(source: str) -> tuple[str, str, str]:
    """``(before, block, after)``; the marker lines belong to ``before`` and ``after``. No markers: all is block.

    Raises:
        SourceError: a marker without its partner, markers in the wrong order, or more than one block.
    """
    start: int | None = None
    end: int | None = None
    lines = _AFTER_LINE.split(source)
    for number, line in enumerate(lines, start=1):
        if START in line:
            if start is not None:
                inside = "inside the block that starts" if end is None else "after the block that starts"
                raise SourceError(
                    f"line {number}: a second {START} {inside} on line {start}; a file has one evolve block"
                )
            start = number
        elif END in line:
            if start is None:
                raise SourceError(f"line {number}: {END} without {START} before it")
            if end is not None:
                raise SourceError(f"line {number}: a second {END}; the block ended on line {end}")
            end = number
    if start is None:
        return "", source, ""
    if end is None:
        raise SourceError(f"line {start}: {START} without {END} after it")
    return "".join(lines[:start]), "".join(lines[start : end - 1]), "".join(lines[end - 1 :])


def join(before: str, block: str, after: str) -> str:
    """The whole file; the inverse of :func:`split`. The block is given the line end that a marker after it needs."""
    if after and block and not block.endswith("\n"):
        block += "\n"
    return before + block + after


def enforce(parent: str, child: str) -> None:
    """Check that ``child`` differs from ``parent`` inside the evolve block alone, byte for byte.

    Raises:
        SourceError: names the first line outside the block that changed, with what it was and what it is.
    """
    before, _, after = split(parent)
    if not before and not after:
        return
    new_before, _, new_after = split(child)
    _compare(before, new_before, 1)
    offset = child[: len(child) - len(new_after)].count("\n") + 1
    _compare(after, new_after, offset)


def _compare(old: str, new: str, first: int) -> None:
    if old == new:
        return
    pairs = zip_longest(*(filter(None, _AFTER_LINE.split(text)) for text in (old, new)))
    for number, (was, now) in enumerate(pairs, start=first):
        if was != now:
            shown = " is missing" if now is None else f" is now {now.rstrip()!r}"
            expected = "nothing" if was is None else repr(was.rstrip())
            raise SourceError(f"line {number} lies outside the evolve block and changed: {expected} expected,{shown}")
