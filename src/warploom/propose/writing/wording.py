"""How a task is put into words: prompts for kernels, and prompts for programs with an evaluator of their own."""

from __future__ import annotations

from pathlib import Path

from warploom.problems.importers.openevolve import Folder
from warploom.propose.writing import about_program
from warploom.propose.writing.prompt import PROMPT_CHARACTERS, Prompts
from warploom.propose.writing.templates import Templates
from warploom.propose.writing.tongue import tongue_of
from warploom.values.problem import Problem

PROGRAMS = "program"
"""Folder of the templates that stand in the place of those for kernels."""


def prompts_for(
    task: Problem | Folder, own: Path | None = None, most: int = PROMPT_CHARACTERS, language: str = "cpp"
) -> Prompts:
    """The prompts of a task.

    Args:
        task: what the candidates are for.
        own: directory of the user's templates; None for the shipped ones.
        most: characters of the first messages of a conversation.
        language: of the kernels.

    Raises:
        ConfigError: a template has a fault.
    """
    if isinstance(task, Problem):
        return Prompts(Templates(own, tongue_of(language).folders), most)
    return Prompts(Templates(own, (PROGRAMS,)), most, about_program.INGREDIENTS, about_program.OPERATORS)
