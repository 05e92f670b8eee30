"""The graphs of a problem's reference, traced in another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warploom.errors import ProblemError, WrongReference
from warploom.problems.apart import ask_apart
from warploom.problems.trust import is_foreign_file

DEADLINE_SECONDS = 300.0


def record(path: Path) -> list[dict[str, Any]]:
    """What :mod:`warploom.problems.lowering.trace` says of a problem file, a graph a shape.

    Raises:
        WrongReference: the reference raises, or does not return what the problem declares.
        ProblemError: it cannot be traced; one line.
    """
    answer = ask_apart(
        ["-m", "warploom.problems.lowering.trace", str(path)],
        name=str(path),
        what="reference",
        foreign=is_foreign_file(path),
        deadline_s=DEADLINE_SECONDS,
        shown=[path],
    )
    if isinstance(answer, dict) and "wrong" in answer:
        raise WrongReference(f"{path}: {answer['wrong']}")
    if not isinstance(answer, list) or not answer:
        raise ProblemError(f"{path}: the reference was not traced")
    return answer
