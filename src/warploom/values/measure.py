"""What the fitness of a run is called, and how it is put into words.

Fitness of kernels is the log of a speedup that the judge measured. Fitness of programs with an evaluator of their own
stands for the score that it gives: nobody's speedup. Whoever prints fitness asks for the run's measure, and cannot take
one for the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warploom.values.ends import Ends
from warploom.values.speedup import Speedup, ratio

PROGRAM = "program"
"""The target of a run whose candidates are programs that their own evaluator scores."""


@dataclass(frozen=True)
class Measure:
    """Fitness as a log speedup over PyTorch eager.

    Attributes:
        name: "speedup" or "score".
        what: that has it: "kernel" or "program".
        column: head of a column of figures.
        least: what a candidate has to beat before it is measured again: eager itself, or nothing.
        gain: less than this is no gain.
    """

    name: str = "speedup"
    what: str = "kernel"
    column: str = "vs eager"
    least: float = 0.0
    gain: float = 0.02

    def of(self, value: float) -> float:
        """The fitness of a number: the inverse of :meth:`value`."""
        return math.log(value)

    def value(self, fitness: float) -> float:
        """The number that is meant: how many times as fast, or the score."""
        return math.exp(fitness)

    def interval(self, fitness: float, ends: Ends) -> str:
        """The number with its interval: "2.31× [2.25, 2.36]"; a score has none: "0.8312"."""
        low, high = ends
        return str(Speedup(math.exp(fitness), math.exp(low), math.exp(high)))

    def margin(self, fitness: float, ends: Ends) -> str:
        """The same where there is little room: "2.31× ±2 %", or "2.31× -2 +5 %" where the ends lie unequally far."""
        down, up = (f"{math.expm1(end - fitness) * 100:+.0f}" for end in ends)
        equal = down.lstrip("+-") == up.lstrip("+-")
        return f"{ratio(math.exp(fitness))}× " + (f"±{up.lstrip('+-')} %" if equal else f"{down} {up} %")

    def whose(self, fitness: float, ends: Ends) -> str:
        """The interval and what it is of: "2.31× [2.25, 2.36] the speed of eager", "score 0.8312"."""
        return f"{self.interval(fitness, ends)} the speed of eager"

    def number(self, fitness: float) -> str:
        """The number alone: "2.31", "0.8312"."""
        return f"{math.exp(fitness):.3g}"

    def words(self, fitness: float) -> str:
        """For a prompt: "2.31 times the speed of PyTorch eager", "a score of 0.8312"."""
        return f"{self.number(fitness)} times the speed of PyTorch eager"

    def gained(self, before: float, after: float) -> str:
        """How much better: "+12 %", or "14.1 times" from twice on; of scores the difference: "+0.02"."""
        factor = math.exp(after - before)
        return f"+{(factor - 1) * 100:.0f} %" if factor < 2 else f"{factor:.1f} times"


@dataclass(frozen=True)
class _Score(Measure):
    """Fitness as the inverse hyperbolic sine of the score that a program's own evaluator gives.

    That is the score itself near 0 and its logarithm far from it, of either sign: what is near, warm or no gain
    among log speedups is so among scores of any size.
    """

    name: str = "score"
    what: str = "program"
    column: str = "score"
    least: float = -math.inf
    gain: float = 0.0

    def of(self, value: float) -> float:
        return math.asinh(value)

    def value(self, fitness: float) -> float:
        return float(f"{math.sinh(fitness):.12g}")

    def interval(self, fitness: float, ends: Ends) -> str:
        return f"{self.value(fitness):.6g}"

    def margin(self, fitness: float, ends: Ends) -> str:
        return f"{self.value(fitness):.4g}"

    def whose(self, fitness: float, ends: Ends) -> str:
        return f"score {self.interval(fitness, ends)}"

    def number(self, fitness: float) -> str:
        return f"{self.value(fitness):.6g}"

    def words(self, fitness: float) -> str:
        return f"a score of {self.number(fitness)}"

    def gained(self, before: float, after: float) -> str:
        return f"{self.value(after) - self.value(before):+.4g}"


SPEEDUP, SCORE = Measure(), _Score()


def measure_of(config: Mapping[str, Any]) -> Measure:
    """The measure of a run by its configuration, as :class:`~warploom.values.event.RunStarted` has it."""
    return SCORE if config.get("target") == PROGRAM else SPEEDUP
