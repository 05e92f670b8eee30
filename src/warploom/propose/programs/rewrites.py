"""The proposer for programs that needs no model: other numbers, and parts of two programs together.

It reads Python. It does not know what a program is for, so it finds no new idea; it finds better numbers for the ideas
that are there, and puts together what several candidates found.
"""

from __future__ import annotations

import ast
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from warploom.errors import NothingToPropose, SourceError
from warploom.propose.bandit import Bandit
from warploom.propose.programs.literals import mixed, numbers, other, with_texts
from warploom.propose.programs.parts import crossed
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.request import Feedback, Request

LANGUAGE = "python"

PRIORS: dict[str, tuple[float, float]] = {"tune": (2.0, 5.0), "vary": (1.5, 5.0), "cross": (1.0, 4.0)}
"""One number, several numbers, two parents → (successes, failures) that the bandit starts from."""

GROUPS: dict[str, tuple[str, ...]] = {"moves": ("vary", "tune"), "tune": ("tune",), "crossover": ("cross",)}
"""What a request may ask for by its operator; any other leaves the choice to the bandit."""

TRIES = 12
MOST_VARIED = 4
"""Numbers that one proposal changes."""

MOST_RECENT = 4096
"""Candidates that are remembered, so that cost stays flat; the journal knows all of them."""


class Rewrites:
    """Proposer of programs with other numbers and recombined parts.

    Args:
        crossover: whether two parents may be combined.
        bandit: whether operators are chosen by what they paid so far.
    """

    def __init__(self, *, crossover: bool = True, bandit: bool = True) -> None:
        self._operators = Bandit(PRIORS, learning=bandit)
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._choices: dict[str, Callable[[Request, random.Random], tuple[str, str]]] = {
            "tune": lambda request, rng: _varied(request, rng, 1),
            "vary": lambda request, rng: _varied(request, rng, rng.randint(2, MOST_VARIED)),
        }
        if crossover:
            self._choices["cross"] = _crossed

    @property
    def name(self) -> str:
        """The name lineages carry."""
        return "rewrites"

    async def propose(self, request: Request) -> Proposal:
        """A program that was not told before.

        Raises:
            NothingToPropose: no operator gave anything new in a bounded number of tries.
        """
        rng = random.Random(request.seed)
        parent = request.parents[0].candidate
        wanted = GROUPS.get(request.operator, tuple(self._choices))
        arms = [name for name in self._choices if name in wanted]
        for _ in range(TRIES):
            if not arms:
                break
            operator = self._operators.choose(arms, rng)
            try:
                text, note = self._choices[operator](request, rng)
                candidate = _with_text(parent, text)
            except SourceError:
                arms.remove(operator)
                continue
            if candidate.id not in self._recent and candidate.id != parent.id:
                parents = [parent.id, *([_second(request).id] if operator == "cross" else [])]
                return Proposal(candidate, Lineage(tuple(parents), self.name, operator, note=note))
        raise NothingToPropose(f"nothing new from {parent.id}: its numbers and parts gave nothing in {TRIES} tries")

    def tell(self, feedback: Feedback) -> None:
        """Reward the operator: a score that is higher than the parent's pays."""
        candidate, lineage = feedback.proposal.candidate, feedback.proposal.lineage
        self._recent[candidate.id] = None
        while len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)
        if lineage.proposer == self.name:
            before, fitness = feedback.parent_fitness, feedback.fitness
            paid = fitness is not None and (before is None or fitness > before)
            self._operators.learn(lineage.operator, success=paid)

    def declined(self, request: Request) -> None:
        """Nothing is learned from it: trying costs microseconds."""

    def snapshot(self) -> dict[str, Any]:
        """Learned state as JSON values."""
        return {"operators": self._operators.snapshot(), "recent": list(self._recent)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._operators.restore(state["operators"])
        self._recent = OrderedDict.fromkeys(state["recent"])


def stuck(candidate: Candidate) -> str:
    """Why nothing can be rewritten in a program; "" when something can."""
    if candidate.language != LANGUAGE:
        return f"only Python is rewritten without a model, and this program is in {candidate.language}"
    try:
        return "" if numbers(candidate.source).literals else "its evolve block holds no number to change"
    except SourceError as error:
        return str(error)


def _varied(request: Request, rng: random.Random, count: int) -> tuple[str, str]:
    """The parent with so many numbers changed, and which in words."""
    text = request.parents[0].candidate.source
    literals = numbers(text).literals
    if len(literals) < count:
        raise SourceError(f"the program has fewer than {count} numbers")
    changed = {one: other(one.text, rng) for one in rng.sample(literals, count)}
    words = [f"{one.text} → {fresh} in line {one.line}" for one, fresh in sorted(changed.items(), key=_line)]
    return with_texts(text, changed), ", ".join(words)


def _line(change: tuple[Any, str]) -> int:
    return int(change[0].start)


def _crossed(request: Request, rng: random.Random) -> tuple[str, str]:
    """The parent with numbers, or else named parts, of another program."""
    own, second = request.parents[0].candidate, _second(request)
    try:
        return mixed(own.source, second.source, rng), f"numbers of {second.id}"
    except SourceError:
        text, names = crossed(own.source, second.source, rng)
        return text, f"{', '.join(names)} of {second.id}"


def _second(request: Request) -> Candidate:
    others = (*request.parents[1:], *request.inspirations)
    if not others:
        raise SourceError("there is no second program")
    return others[0].candidate


def _with_text(parent: Candidate, text: str) -> Candidate:
    """The parent with another text.

    Raises:
        SourceError: the text is no Python.
    """
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"the program cannot be read: {error}") from None
    return replace(parent, sources=((parent.sources[0][0], text),))
