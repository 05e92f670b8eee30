"""One thing that is fed with random inputs, and how one input is fed to it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class WrongPass(AssertionError):  # noqa: N818 - reads as what happened
    """Something wrong was taken for right: the worst that can be found."""


def refused(error: Exception) -> str:
    """The outcome "refused", for an error that says in one line what is wrong.

    Raises:
        AssertionError: it says nothing, or more than a line.
    """
    said = str(error)
    if not said.strip() or "\n" in said:
        raise AssertionError(f"{type(error).__name__} should say what is wrong in one line, not {said!r}")
    return "refused"


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        name: a word or two, unique.
        draw: makes one input; all chance comes from the generator it is given.
        check: feeds it and names the class of the outcome; whatever it raises is a finding.
        weight: its share of a long run, relative to the others; cheap targets take more.
        few: inputs in a short run.
        seconds: one input may take so long on a busy machine; more is a hang.
    """

    name: str
    draw: Callable[[random.Random], Any]
    check: Callable[[Any], str]
    weight: float = 1.0
    few: int = 100
    seconds: float = 30.0

    def generator(self, seed: int, number: int) -> random.Random:
        """The generator of one input: the same seed and number give the same input."""
        return random.Random(f"{self.name}/{seed}/{number}")

    def attempt(self, seed: int, number: int) -> str:
        """Draw input ``number`` and feed it; the class of the outcome."""
        return self.check(self.draw(self.generator(seed, number)))

    def short_run(self, seed: int = 0) -> dict[str, int]:
        """The first few inputs; outcome → count.

        Raises:
            AssertionError: a finding, with the number of the input.
        """
        outcomes: dict[str, int] = {}
        for number in range(self.few):
            try:
                outcome = self.attempt(seed, number)
            except Exception as error:
                raise AssertionError(f"{self.name}, seed {seed}, input {number}: {error!r}") from error
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        return outcomes
