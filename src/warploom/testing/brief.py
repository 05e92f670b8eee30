"""A judge that takes no longer than it must: for tests that ask for a verdict, not for a figure.

``python -m warploom.testing.brief WORDS…`` is the command ``warploom WORDS…`` with such a judge, for tests that need it
in a process of its own.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

from warploom.cli.main import run
from warploom.judge import stages
from warploom.judge.machine.busy import Quiet
from warploom.judge.session import Session
from warploom.judge.timing.sampling import PROMOTE

BRIEF = replace(PROMOTE, most=PROMOTE.least, seconds=0.0)
"""As many pairs and looks as any promotion has, and no more for the sake of a narrow interval."""


@contextlib.contextmanager
def brief_promotions() -> Iterator[None]:
    """Inside the block a promotion takes the fewest pairs, waits for nobody, and is not measured again."""
    with (
        mock.patch.object(stages, "PROMOTE", BRIEF),
        mock.patch.object(Quiet, "wait", return_value=False),
        mock.patch.object(Session, "drift", return_value=0.0),
    ):
        yield


@contextlib.contextmanager
def eager_alone() -> Iterator[None]:
    """Inside the block nothing is compiled with ``torch.compile``, which costs ten seconds a judge."""
    with mock.patch.object(Session, "compile_baselines"):
        yield


if __name__ == "__main__":
    with brief_promotions(), eager_alone():
        sys.exit(run(sys.argv[1:]))
