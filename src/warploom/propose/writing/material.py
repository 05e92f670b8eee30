"""Everything that a prompt may draw on, for one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from warploom.problems.importers.openevolve import Folder
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Lineage
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem
from warploom.values.request import Cell, Individual


@dataclass(frozen=True)
class Attempt:
    """What was tried on a kernel, and what it gave: both in words."""

    what: str
    result: str


@dataclass(frozen=True)
class Material:
    """What the prompt of one request is made from. Nothing here knows of seeds or of what is held out.

    Attributes:
        task: what is computed, or the folder whose evaluator scores what is written.
        environment: what the judge says of machine, toolchain and peaks.
        resolution: of the archive's cells.
        operator: what is asked for.
        base: the kernel that is to be changed.
        lineage: where it came from.
        evaluation: its outcome; None where it is not known.
        fitness: its log speedup over eager, or its score; None when it failed.
        cell: its bin; None when it failed.
        partner: the second parent of a crossover.
        inspirations: others worth looking at.
        attempts: what was tried on the base before, oldest first.
        elsewhere: ideas that were tried on other kernels of the run, oldest first.
        target_cell: where a kernel is wanted; None anywhere.
        hints: what the person who runs the search says.
    """

    task: Problem | Folder
    environment: Mapping[str, Any]
    resolution: Resolution
    operator: str
    base: Candidate
    lineage: Lineage
    evaluation: Evaluation | None = None
    fitness: float | None = None
    cell: Cell | None = None
    partner: Individual | None = None
    inspirations: tuple[Individual, ...] = ()
    attempts: tuple[Attempt, ...] = field(default=())
    elsewhere: tuple[Attempt, ...] = field(default=())
    target_cell: Cell | None = None
    hints: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem:
        """What is computed, of a kernel."""
        assert isinstance(self.task, Problem)
        return self.task

    @property
    def folder(self) -> Folder:
        """Whose evaluator scores, of a program."""
        assert isinstance(self.task, Folder)
        return self.task

    @property
    def passed(self) -> Passed | None:
        """The base's evaluation, when it passed."""
        return self.evaluation if isinstance(self.evaluation, Passed) else None

    @property
    def failed(self) -> Failed | None:
        """The base's evaluation, when it failed."""
        return self.evaluation if isinstance(self.evaluation, Failed) else None
