"""Which proposer, model and move paid: who tried what how often, and whose candidates made the run's best faster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from warploom.report.html.history import Judged
from warploom.report.spending import MODEL


@dataclass
class Payer:
    """What came of one way to make candidates.

    Attributes:
        name: "moves", "llm:<model>", or a move such as "vectorise".
        tried: candidates judged.
        passed: of them.
        faster: of them faster than their parent by more than both intervals and the noise floor.
        records: of them faster than all before, as screened; the first candidate is not counted.
        climbed: log of how many times faster these records made the best, all together.
    """

    name: str
    tried: int = 0
    passed: int = 0
    faster: int = 0
    records: int = 0
    climbed: float = 0.0

    @property
    def factor(self) -> float:
        """How many times faster its records made the best."""
        return math.exp(self.climbed)


def by_proposer(judged: Iterable[Judged], noise_floor: float) -> list[Payer]:
    """Who wrote the candidates: a rewriter, a model, an agent."""
    return _payers(judged, noise_floor, lambda one: one.proposer)


def by_operator(judged: Iterable[Judged], noise_floor: float) -> list[Payer]:
    """What was done, such as "grow", "cross" or "improve"."""
    return _payers(judged, noise_floor, lambda one: one.operator.partition(":")[0] or one.proposer)


def by_move(judged: Iterable[Judged], noise_floor: float) -> list[Payer]:
    """With which rewrite: the words behind the operator's colon, or the name of a whole recipe; models make none."""
    return _payers(judged, noise_floor, _move)


def _move(one: Judged) -> str:
    if one.proposer.startswith(MODEL):
        return ""
    operator, _, move = one.operator.partition(":")
    if not move and operator in ("open", "compose", "flags"):
        move = one.note.removeprefix("open:").removeprefix("+").strip()
    return move


def _payers(judged: Iterable[Judged], noise_floor: float, name: Callable[[Judged], str]) -> list[Payer]:
    """The payers, those that climbed most first, then those that were tried most. A nameless one is left out."""
    found: dict[str, Payer] = {}
    best: float | None = None
    for one in judged:
        called = name(one)
        payer = found.setdefault(called, Payer(called)) if called else Payer("")
        payer.tried += 1
        if one.fitness is None:
            continue
        payer.passed += 1
        gain = one.gain
        if gain is not None and gain > math.hypot(one.spread, one.parent_spread) + noise_floor:
            payer.faster += 1
        if best is not None and one.fitness > best:
            payer.records += 1
            payer.climbed += one.fitness - best
        best = one.fitness if best is None else max(best, one.fitness)
    return sorted(found.values(), key=lambda payer: (-payer.climbed, -payer.tried, payer.name))
