from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from warploom.archive.journal import read
from warploom.report.html.story import Story
from warploom.testing.chronicle import Chronicle
from warploom.values.candidate import Step

HOSTILE = "</script></title><script>alert(1)</script><img src=x onerror=alert(2)> \"'&\x1b[31m"

Tell = Callable[[Path], Story]


def tell(folder: Path) -> Story:
    with read(folder) as journal:
        return Story(journal)


@pytest.fixture
def told() -> Tell:
    return tell


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A run of nine: a seed, a way of two steps to the best, a branch, failures of two kinds, two islands."""
    with Chronicle(tmp_path / "run", islands=2) as run:
        seed = run.judged(math.log(0.5))
        first = run.judged(
            math.log(1.0),
            parent=seed,
            operator="grow:vectorise",
            note="+ vectorise(@every)",
            steps=(Step("vectorise", "@every"),),
        )
        run.judged(None, parent=seed, operator="grow:parallel", note="+ parallel(@outermost)")
        best = run.judged(
            math.log(2.0),
            parent=first,
            operator="tune",
            note="0.lanes=8",
            steps=(Step("vectorise", "@every", (("lanes", 8),)),),
            flags=("-ffast-math",),
            cell=(1, 1, 1),
        )
        run.promoted(best, math.log(1.8))
        run.judged(math.log(0.9), parent=first, operator="change:vectorise", status="not_added", island=1)
        run.judged(None, parent=first, operator="tune", failure=("build", "compile_error", "expected ';'"))
        run.judged(None, parent=first, operator="tune", failure=("build", "compile_error", "another"))
        other = run.judged(math.log(2.1), parent=seed, proposer="llm:big", operator="improve", island=1, cell=(1, 0, 1))
        run.refused(other, math.log(1.5))
        run.judged(math.log(1.2), parent=other, proposer="llm:big", operator="improve", island=1, status="not_added")
        run.told("big", 1200, 0.25)
        run.ended()
    return tell(tmp_path / "run")
