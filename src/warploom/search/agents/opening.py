"""Runs for outside agents on this machine: opened, or begun, and wired to the local judge and the writer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from warploom import __version__
from warploom.archive import journal as journals
from warploom.archive.database import FILE, Patience, claim
from warploom.archive.islands import resolution_for
from warploom.archive.journal import Journal
from warploom.errors import ConfigError, JournalError
from warploom.judge.places import require_device
from warploom.propose.protocol import Proposer
from warploom.propose.writer import Writer
from warploom.propose.writing.material import Material
from warploom.propose.writing.wording import prompts_for
from warploom.search.agents.asktell import AgentRun, Wiring
from warploom.search.best.missing import refuse_failed_seed
from warploom.search.proposers import JournalKnowledge, make_proposer, make_writer, own_templates
from warploom.search.run import Progress, local_parts
from warploom.search.sitting import Parts, first_candidate
from warploom.search.task import Task, describe, fitted, hash_of, lasting, load_task, notes, starting_candidate
from warploom.values.candidate import Candidate, Lineage
from warploom.values.config import RunConfig
from warploom.values.event import RunStarted
from warploom.values.target import VENDORS

PATIENCE_SECONDS = 600.0
"""How long a step waits for another process that is at work on the run."""


def open_run(
    run: Path | str,
    problem: str | None = None,
    *,
    start: Path | str | None = None,
    seed: int = 0,
    target: str = RunConfig.target,
    patience_seconds: float = PATIENCE_SECONDS,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> AgentRun:
    """A run for outside agents: the one in this directory, or a new one of a problem.

    Args:
        run: the run directory.
        problem: name in the catalog or path of a problem file; needed for a new run.
        start: starting source of a new run; None takes the problem's own.
        seed: of a new run's choices.
        target: language of a new run's kernels.
        patience_seconds: how long to wait for another process that is at work on the run.
        progress: told in a line what is being done.
        cache: directory of builds, compiled references and the calibration; by default the user's.

    Raises:
        InputError: there is no run and no problem, the run is another problem's, or something cannot be used.
    """
    folder, say = Path(run), progress or _unsaid
    if not (folder / FILE).exists():
        if problem is None:
            raise JournalError(f"no run here: {folder}; --problem NAME begins one")
        # One island: an agent's proposals are few, and each is to start from the best there is.
        source = str(Path(start).absolute()) if start is not None else ""
        config = fitted(RunConfig(problem, target, seed=seed, start=source, islands=1))
        return _begin(folder, config, Patience(patience_seconds, say), say, cache)
    if start is not None:
        raise ConfigError(f"{folder} holds a run already, which has its starting source: leave --start out")
    if target != RunConfig.target:
        raise ConfigError(f"{folder} holds a run already, which has its language: leave --target out")
    with journals.read(folder) as journal:
        refuse_failed_seed(journal)
        config = RunConfig.from_mapping(journal.started.config)
        known = hash_of(journal.started.problem)
        loaded = load_task(config.problem)
        first = first_candidate(journal) or starting_candidate(config, loaded)
    if loaded.hash != known:
        raise JournalError(f"{folder}: problem {config.problem} has changed since this run began; start a new run")
    if problem is not None and load_task(problem).hash != known:
        raise ConfigError(f"{folder} is a run of {config.problem}, not of {problem}")
    wiring = _wiring(config, loaded, first, lambda: local_parts(config, loaded, say, cache))
    return AgentRun(folder, wiring, patience=Patience(patience_seconds, say))


def _begin(folder: Path, config: RunConfig, patience: Patience, say: Progress, cache: Path | None) -> AgentRun:
    problem = load_task(config.problem)
    config = lasting(config, problem)
    for line in notes(problem):
        say(line)
    first = starting_candidate(config, problem, say)
    if config.target in VENDORS:
        require_device(config.target)
    lock = claim(folder)
    try:
        parts = local_parts(config, problem, say, cache)
        try:
            started = RunStarted(config.to_mapping(), describe(problem), parts.environment, __version__)
            journals.create(folder, started, lock).close()
        except BaseException:
            parts.close()
            raise
    except BaseException:
        with suppress(OSError):
            os.close(lock)
        raise
    return AgentRun(folder, _wiring(config, problem, first, lambda: parts), parts, patience)


def _wiring(config: RunConfig, problem: Task, first: Candidate, parts: Callable[[], Parts]) -> Wiring:
    def proposer(environment: Mapping[str, Any], journal: Journal) -> Proposer:
        return make_proposer(config, problem, environment, [], journal)

    def scribe(environment: Mapping[str, Any], journal: Journal) -> Writer:
        return make_writer(config, problem, None, JournalKnowledge(journal, environment))

    def description(environment: Mapping[str, Any]) -> str:
        material = Material(problem, environment, resolution_for(config), "improve", first, Lineage())
        return prompts_for(problem, own_templates(config), language=config.target).description(material)

    return Wiring(first, parts, proposer, scribe, description)


def _unsaid(line: str) -> None:
    """Where remarks go when nobody reads them."""
