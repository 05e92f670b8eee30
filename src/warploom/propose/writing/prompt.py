"""A prompt: ingredients, each rendered by a template of its own, put together by the template of the operator.

The whole stays within a budget of characters: the least important ingredient is shortened first, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from warploom.propose.writing.about_failure import failure_facts
from warploom.propose.writing.about_gpu import rewrites_facts
from warploom.propose.writing.about_kernel import bottleneck_facts, compiler_facts, parent_facts, timings_facts
from warploom.propose.writing.about_machine import machine_facts
from warploom.propose.writing.about_others import (
    hints_facts,
    inspirations_facts,
    lineage_facts,
    partner_facts,
    target_facts,
)
from warploom.propose.writing.about_problem import convention_facts, problem_facts
from warploom.propose.writing.excerpt import code_length
from warploom.propose.writing.material import Material
from warploom.propose.writing.operators import OPERATORS
from warploom.propose.writing.templates import Templates
from warploom.propose.writing.tongue import tongue_of
from warploom.values.candidate import Candidate
from warploom.values.exchange import Message

PROMPT_CHARACTERS = 60_000
"""Of the first messages of a conversation: some fifteen thousand tokens."""

LEAST_CHARACTERS = 300
"""An ingredient that would be shorter than this is left out instead."""

REMARK_CHARACTERS = 120
"""Room for the remark in the place of what was left out."""

DESCRIPTION = ("problem", "convention", "machine")
"""The ingredients that say what is to be done."""

Facts = Callable[[Material], dict[str, Any] | None]

INGREDIENTS: dict[str, Facts] = {
    "problem": problem_facts,
    "convention": convention_facts,
    "parent": parent_facts,
    "failure": failure_facts,
    "timings": timings_facts,
    "bottleneck": bottleneck_facts,
    "partner": partner_facts,
    "hints": hints_facts,
    "target": target_facts,
    "machine": machine_facts,
    "lineage": lineage_facts,
    "compiler": compiler_facts,
    "rewrites": rewrites_facts,
    "inspirations": inspirations_facts,
}
"""Name of an ingredient and of its template → its facts; the most important first. None: there is nothing to say."""


@dataclass(frozen=True)
class Prompts:
    """Renders conversations.

    Attributes:
        templates: of ingredients and operators.
        most: characters of the first messages together.
        ingredients: of a task.
        operators: names of what can be asked for.
    """

    templates: Templates
    most: int = PROMPT_CHARACTERS
    ingredients: Mapping[str, Facts] = field(default_factory=lambda: INGREDIENTS)
    operators: tuple[str, ...] = tuple(OPERATORS)

    def first(self, material: Material, *, plan: bool = False) -> tuple[Message, ...]:
        """How the conversation begins: what the model is, then the task.

        Args:
            material: what the task is about.
            plan: ask for a plan alone; the code is asked for in the next turn.
        """
        facts = _language(material.base)
        system = self.templates.render("system", facts)
        facts |= {
            "file": material.base.sources[0][0],
            "plan_alone": plan,
            "code_characters": code_length(material.base),
        }
        bare = self.templates.render(material.operator, facts | dict.fromkeys(self.ingredients, ""))
        between = 4 * len(self.ingredients)  # line feeds around those that are there
        parts = fit(self._ingredients(material), self.most - len(system) - len(bare) - between)
        return Message("system", system), Message("user", self.templates.render(material.operator, facts | parts))

    def description(self, material: Material) -> str:
        """What is to be done, whatever the parent is."""
        facts = {name: self.ingredients[name](material) for name in DESCRIPTION if name in self.ingredients}
        parts = [self.templates.render(name, known) for name, known in facts.items() if known]
        return "\n\n".join(part.strip("\n") for part in parts) + "\n"

    def _ingredients(self, material: Material) -> dict[str, str]:
        """Each ingredient's text, "" where there is nothing to say."""
        found = {name: facts(material) for name, facts in self.ingredients.items()}
        return {name: self.templates.render(name, facts) if facts else "" for name, facts in found.items()}

    def again(self, kind: str, base: Candidate, **facts: Any) -> Message:
        """The next turn: "code" after a plan, "unusable" and "duplicate" after an answer that cannot be judged."""
        return Message("user", self.templates.render(kind, {"file": base.sources[0][0], **_language(base), **facts}))

    def rehearse(self, materials: Iterable[Material]) -> None:
        """Render everything once, so that a fault in a user's template shows before a run begins.

        Raises:
            ConfigError: one line with file and line.
        """
        for material in materials:
            for name in self.operators:
                for plan in (False, True):
                    self.first(replace(material, operator=name), plan=plan)
            self.again("code", material.base)
            self.again("duplicate", material.base, complaint="")
            for whole in (False, True):
                self.again("unusable", material.base, complaint="", whole=whole)


def _language(base: Candidate) -> dict[str, Any]:
    """Entry point and language, and the words of that language, which every template may use."""
    tongue = tongue_of(base.language)
    words = {name: getattr(tongue, name) for name in ("kernel", "place", "workers", "means", "fence")}
    return {"entry_point": base.entry_point, "language": base.language, **words}


def fit(parts: dict[str, str], most: int) -> dict[str, str]:
    """The parts within a budget of characters; the last ones are shortened first."""
    fitted = dict(parts)
    excess = sum(map(len, parts.values())) - most
    for name in reversed(parts):
        if excess <= 0:
            break
        fitted[name] = shorten(parts[name], len(parts[name]) - excess, name)
        excess -= len(parts[name]) - len(fitted[name])
    return fitted


def shorten(text: str, most: int, name: str) -> str:
    """A part without lines from its middle, with a remark in their place; every fence that is cut is whole again."""
    if len(text) <= max(most, LEAST_CHARACTERS):
        return text
    if most < LEAST_CHARACTERS:
        return f"[{name}: left out, the prompt would be too long]"
    lines = text.split("\n")
    fences = _fences(lines)
    room = most - REMARK_CHARACTERS
    head = _fitting(lines, room * 2 // 3)
    tail = len(lines) - _fitting(lines[:head:-1], room - room * 2 // 3)
    remark = [f"[{name}: {tail - head} lines left out, to keep the prompt short]"]
    if fences[head] != fences[tail]:
        remark = [*_ticks(lines, fences[head]), *remark, *_ticks(lines, fences[tail])]
    return "\n".join([*lines[:head], *remark, *lines[tail:]])


def _fitting(lines: Sequence[str], room: int) -> int:
    """How many of the lines fit, from the first on."""
    for count, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return count
    return len(lines)


def _fences(lines: Sequence[str]) -> list[int]:
    """For each place between lines, the line that opened the fence it lies in; -1 outside of fences."""
    found, opened = [-1], -1
    for number, line in enumerate(lines):
        ticks = len(line) - len(line.lstrip("`"))
        if opened < 0 and ticks >= 3:
            opened = number
        elif opened >= 0 and line == "`" * ticks and ticks == len(_ticks(lines, opened)[0]):
            opened = -1
        found.append(opened)
    return found


def _ticks(lines: Sequence[str], opened: int) -> list[str]:
    """The line that closes the fence that this line opens, or opens one like it; none outside of fences."""
    if opened < 0:
        return []
    return ["`" * (len(lines[opened]) - len(lines[opened].lstrip("`")))]
