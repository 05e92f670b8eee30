"""What a benchmark works with, one function each, so that tests can put others in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from warploom.errors import ProblemError
from warploom.judge.auditing.audit import audit
from warploom.judge.work import count_work
from warploom.problems.load import cache_directory, find_seed, load_problem
from warploom.problems.lowering.lower import TARGETS, lower
from warploom.search.run import Run, reopen, start
from warploom.values.audit import Audit
from warploom.values.config import RunConfig
from warploom.values.problem import Problem
from warploom.values.work import Work

Note = Callable[[str], None]
"""Told in a line what is being done."""


@dataclass(frozen=True)
class Tools:
    """The parts of a benchmark.

    Attributes:
        load: address → problem.
        work: problem → what its reference does.
        audit: problem → which wrong answers its checks would let pass; told what it is doing.
        find_seed: address and target → the starting implementation beside a problem.
        lower: problem and target → a starting implementation made from its reference.
        start: begins a run in a directory.
        reopen: goes on with one.
    """

    load: Callable[[str], Problem]
    work: Callable[[Problem], Work]
    audit: Callable[[Problem, Note], Audit]
    find_seed: Callable[[str, str], Path]
    lower: Callable[[Problem, str], str]
    start: Callable[[Path, RunConfig, Note], Run]
    reopen: Callable[[Path, Note], Run]


def local_tools(cache: Path | None = None) -> Tools:
    """Those of this machine; ``cache`` as for :func:`warploom.search.run.start`."""
    place = cache or cache_directory()
    return Tools(
        load=load_problem,
        work=partial(count_work, cache=place),
        audit=lambda problem, note: audit(problem, place, say=note),
        find_seed=find_seed,
        lower=_lower,
        start=lambda folder, config, note: start(folder, config, progress=note, cache=cache),
        reopen=lambda folder, note: reopen(folder, progress=note, cache=cache),
    )


def _lower(problem: Problem, target: str) -> str:
    if target not in TARGETS:
        raise ProblemError(f"{problem.name}: references are lowered to {', '.join(TARGETS)}, not to {target}")
    return lower(problem)
