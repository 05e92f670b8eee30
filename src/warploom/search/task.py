"""What a run is about: a problem that kernels compute, or a folder with a program and its evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError, ProblemError, SourceError, WrongReference
from warploom.problems.importers.bring import address_of
from warploom.problems.importers.openevolve import FORMAT, Folder, read_folder
from warploom.problems.load import find_seed, is_shipped, load_problem, locate
from warploom.problems.lowering.lower import TARGETS, lower
from warploom.syntax import evolve_block
from warploom.values import problem as problems
from warploom.values.candidate import Candidate
from warploom.values.config import RunConfig
from warploom.values.language import source_file
from warploom.values.measure import PROGRAM
from warploom.values.problem import Problem, from_description

Task = Problem | Folder


def is_folder(word: str) -> bool:
    """Whether a word for a problem is the address of a program with its own evaluator.

    Raises:
        ProblemError: it has the form of an address, and an unknown format or option.
    """
    address = address_of(word)
    return address is not None and address.format == FORMAT


def load_task(word: str) -> Task:
    """What a name, a path or an address stands for.

    Raises:
        ProblemError: nothing that can be used; one line.
    """
    if not is_folder(word):
        return load_problem(word)
    address = address_of(word)
    assert address is not None
    return read_folder(address)


def fitted(config: RunConfig) -> RunConfig:
    """The configuration with the target that its task has.

    Raises:
        ConfigError: it names another one.
    """
    if not is_folder(config.problem):
        if config.target == PROGRAM:
            raise ConfigError(f"--target {PROGRAM} is for {FORMAT}:DIR, not for {config.problem}")
        return config
    if config.target not in (PROGRAM, RunConfig.target):
        raise ConfigError(f"--target {config.target} is for kernels; a program of {FORMAT}:DIR stays in its language")
    return replace(config, target=PROGRAM)


def lasting(config: RunConfig, task: Task) -> RunConfig:
    """The configuration with a word for its task that holds wherever the run goes on from."""
    if isinstance(task, Folder):
        return replace(config, problem=str(task.address))
    if is_shipped(config.problem):
        return config
    return replace(config, problem=str(locate(config.problem).absolute()))


def describe(task: Task) -> dict[str, Any]:
    """The task as plain JSON values, for the record of a run."""
    return task.describe() if isinstance(task, Folder) else problems.describe(task)


def hash_of(description: Mapping[str, Any]) -> str:
    """The hash of the task that was described so."""
    if "evaluator" in description:
        return str(description["hash"])
    return from_description(description).hash


def starting_candidate(config: RunConfig, task: Task, say: Callable[[str], None] = lambda line: None) -> Candidate:
    """The seed: the source that the configuration names, the one beside the problem, or its reference as plain loops.

    Args:
        config: of the run.
        task: what it is about.
        say: told that the reference is lowered, which takes seconds.

    Raises:
        ProblemError: no source is there, and the reference cannot be lowered.
        SourceError: the source cannot be read, or its markers of the evolve block are not a pair.
    """
    if isinstance(task, Folder):
        text = _read(Path(config.start)) if config.start else task.program
        evolve_block.split(text)
        return Candidate(task.hash, task.language, ((task.file, text),), task.name)
    text = _read(Path(config.start)) if config.start else _own_or_lowered(config, task, say)
    evolve_block.split(text)
    return Candidate(task.hash, config.target, ((source_file(task.name, config.target), text),), task.name)


def _own_or_lowered(config: RunConfig, problem: Problem, say: Callable[[str], None]) -> str:
    try:
        return _read(find_seed(config.problem, config.target))
    except ProblemError as error:
        absent = error
    if config.target not in TARGETS:
        raise absent
    say("no starting source beside the problem: it begins with the reference as plain loops")
    try:
        return lower(problem)
    except WrongReference:
        raise  # no starting source would help
    except ProblemError as error:
        raise ProblemError(f"{absent}; it could not be made from the reference: {error}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read the starting source {path}: {error}") from None


def notes(task: Task) -> list[str]:
    """What the user should know of a task before a run begins, a line each."""
    if not isinstance(task, Folder):
        return []
    found = [f"{task.address}: fitness is the score of its evaluator, and no speedup"]
    if task.set_aside:
        ours = "settings of models, database and search are Warploom's own; set aside"
        found.append(f"{ours}: {', '.join(task.set_aside)}")
    if task.unknown:
        found.append(f"keys that neither knows: {', '.join(task.unknown)}")
    return found
