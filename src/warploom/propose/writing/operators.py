"""What a model can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.values.outcome import Failed
from warploom.values.request import Feedback

GAIN = 0.02
"""A proposal pays when it beats its parent by 2 % in log speedup: less is noise."""


@dataclass(frozen=True)
class Operator:
    """One kind of task; its template has its name.

    Attributes:
        name: "improve", …
        prior: (successes, failures) that the bandit starts from.
        edits: whether SEARCH/REPLACE is asked for, rather than the whole program.
    """

    name: str
    prior: tuple[float, float]
    edits: bool = False


OPERATORS: dict[str, Operator] = {
    one.name: one
    for one in (
        Operator("improve", (3.0, 5.0), edits=True),
        Operator("rewrite", (2.0, 5.0)),
        Operator("explore", (1.5, 5.0)),
        Operator("crossover", (1.0, 5.0)),
        Operator("repair", (2.0, 4.0), edits=True),
        Operator("simplify", (1.0, 6.0)),
        Operator("parameterise", (1.0, 6.0), edits=True),
    )
}


def paid(feedback: Feedback, gain: float = GAIN) -> bool:
    """Whether a proposal gave what its operator is for.

    Args:
        feedback: what came of it.
        gain: less than this is none.

    A repair has to pass, an idea to find a place in the archive, a simplification to be shorter and a parameterised
    kernel to have new ``TUNE`` lines at no loss of speed; everything else has to be faster.
    """
    fitness, before = feedback.fitness, feedback.parent_fitness
    if fitness is None or isinstance(feedback.evaluation, Failed):
        return False
    operator = feedback.proposal.lineage.operator
    if operator == "repair":
        return True
    if operator == "explore" and feedback.status in ("new", "improved"):
        return True
    if before is None or fitness > before + gain:
        return True
    if operator in ("simplify", "parameterise") and feedback.request.parents:
        # What the draft had to be (shorter; with TUNE lines) was checked before it was proposed.
        return fitness >= before - max(gain, feedback.request.parents[0].spread)
    return False
