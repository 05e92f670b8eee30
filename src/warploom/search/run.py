"""Runs on this machine: the journal's directory wired to the local judge and the proposer of the configuration."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from warploom.archive import journal as journals
from warploom.archive.database import claim
from warploom.archive.journal import Journal
from warploom.errors import JournalError, SourceError
from warploom.judge.evaluate import LocalJudge
from warploom.judge.fleet import Fleet, make_judge
from warploom.judge.score import ScoreJudge
from warploom.problems.importers.openevolve import Folder
from warploom.problems.load import cache_directory
from warploom.search.best.missing import refuse_failed_seed
from warploom.search.executor import LocalExecutor, RecordedExecutor
from warploom.search.proposers import (
    Resting,
    judges_at_once,
    make_proposer,
    require_access,
    require_templates,
    settle,
    suited,
)
from warploom.search.sitting import Parts, Run, Summary, begin, first_candidate, go_on
from warploom.search.task import Task, fitted, hash_of, lasting, load_task, starting_candidate
from warploom.values.candidate import Candidate
from warploom.values.config import RunConfig
from warploom.values.outcome import Failed

__all__ = ["Run", "Summary", "reopen", "start"]

Progress = Callable[[str], None]
"""Told in a line what is being done, for the long moments before the first candidate."""


def start(folder: Path, config: RunConfig, *, progress: Progress | None = None, cache: Path | None = None) -> Run:
    """A new run of a problem on this machine: judge, reference, baselines and proposer are made ready.

    Args:
        folder: the run directory; it must not hold a run.
        config: how the run is to go.
        progress: told in a line what is being done.
        cache: directory of builds, compiled references and the calibration; by default the user's.

    Raises:
        InputError: anything the user gave that cannot be used.
    """
    config = settle(fitted(config), progress)
    problem = load_task(config.problem)
    config = lasting(config, problem)
    seed = starting_candidate(config, problem, progress or (lambda line: None))
    config = suited(config, seed)
    require_templates(config, problem)
    lock = claim(folder)
    try:
        parts = local_parts(config, problem, progress, cache, seed)
        try:
            return begin(folder, config, problem, seed, parts, lock=lock)
        except BaseException:
            parts.close()
            raise
    except BaseException:
        with suppress(OSError):
            os.close(lock)
        raise


def reopen(folder: Path, *, progress: Progress | None = None, cache: Path | None = None) -> Run:
    """A run on this machine, to go on with where it stopped; arguments as in :func:`start`.

    Raises:
        InputError: the journal or the problem cannot be used, or the problem is no longer the one of the run.
    """
    journal = journals.reopen(folder)
    try:
        if not journal.ended:
            refuse_failed_seed(journal)
        config = RunConfig.from_mapping(journal.started.config)
        problem = load_task(config.problem)
        seed = first_candidate(journal) or starting_candidate(config, problem)
        if hash_of(journal.started.problem) != problem.hash:
            raise JournalError(f"{folder}: problem {config.problem} has changed since this run began; start a new run")
        if journal.ended:
            return go_on(journal, seed, recorded_parts(config, problem, journal))
        require_access(config)
        require_templates(config, problem)
        parts = local_parts(config, problem, progress, cache)
        try:
            return go_on(journal, seed, parts)
        except BaseException:
            parts.close()
            raise
    except BaseException:
        journal.close()
        raise


def local_parts(
    config: RunConfig,
    problem: Task,
    progress: Progress | None,
    cache: Path | None,
    seed: Candidate | None = None,
) -> Parts:
    """The judge of this machine, ready to time, and the proposer that the configuration names.

    Args:
        config: of the run.
        problem: what it is about.
        progress: told in a line what is being done.
        cache: as for :func:`start`.
        seed: a starting source that nobody has built yet; it is built first, which takes seconds, where making the
            judge ready takes half a minute.

    Raises:
        SourceError: the starting source does not build.
    """
    if isinstance(problem, Folder):
        return _scoring_parts(config, problem, progress)
    judge = make_judge(problem, cache=cache or cache_directory(), progress=progress, language=config.target)
    try:
        if seed is not None:
            _require_build(judge, config, seed)
        judge.prepare()
        environment, resting = judge.describe(), Resting()
        proposer = partial(make_proposer, config, problem, environment, resting, note=progress)
        return Parts(LocalExecutor(judge, judges_at_once(config)), proposer, environment, judge.close, resting)
    except BaseException:
        judge.close()
        raise


def _require_build(judge: LocalJudge | Fleet, config: RunConfig, seed: Candidate) -> None:
    built = judge.build(seed)
    if isinstance(built, Failed):
        raise SourceError(f"the starting source of {config.problem} failed: {built.message}")


def _scoring_parts(config: RunConfig, folder: Folder, progress: Progress | None) -> Parts:
    """The folder's evaluator in the place of the judge."""
    judge, resting = ScoreJudge(folder), Resting()
    environment = judge.describe()
    proposer = partial(make_proposer, config, folder, environment, resting, note=progress)
    return Parts(LocalExecutor(judge, judges_at_once(config)), proposer, environment, judge.close, resting)


def recorded_parts(config: RunConfig, problem: Task, journal: Journal) -> Parts:
    """For a run that has ended: nothing is judged anew."""
    environment, resting = journal.started.environment, Resting()
    proposer = partial(make_proposer, config, problem, environment, resting)
    return Parts(RecordedExecutor.of(journal), proposer, environment, resting=resting)
