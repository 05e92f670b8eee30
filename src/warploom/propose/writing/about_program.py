"""A program that its own evaluator scores: what it is for, what its score is made of, what the evaluator said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warploom.propose.writing.about_failure import KINDS
from warploom.propose.writing.about_others import EXCERPT_CHARACTERS, hints_facts, lineage_facts
from warploom.propose.writing.excerpt import excerpt
from warploom.propose.writing.material import Material
from warploom.syntax import evolve_block
from warploom.values.measure import SCORE
from warploom.values.request import Individual

ARTIFACT_CHARACTERS = 4000
"""Of one artifact, its end; and of them all, three times as much."""


def task_facts(material: Material) -> dict[str, Any]:
    """What the folder's configuration tells a model to do."""
    return {"name": material.folder.path.name, "instructions": material.folder.instructions}


def rules_facts(material: Material) -> dict[str, Any]:
    """The file, the borders of the evolve block, the time that there is."""
    before, _, after = evolve_block.split(material.base.source)
    return {
        "file": material.base.sources[0][0],
        "language": material.base.language,
        "bounded": bool(before or after),
        "timeout_s": material.folder.timeout_s,
    }


def program_facts(material: Material) -> dict[str, Any]:
    """The source, its score in a line and where it came from."""
    base, lineage = material.base, material.lineage
    return {
        "file": base.sources[0][0],
        "language": base.language,
        "text": base.source,
        "words": "" if material.fitness is None else SCORE.words(material.fitness),
        "origin": " ".join(word for word in (lineage.proposer, lineage.operator, lineage.note) if word),
    }


def no_score_facts(material: Material) -> dict[str, Any] | None:
    """Why it has no score. None for a program that has one."""
    failed = material.failed
    return {"words": KINDS.get(failed.kind, failed.kind), "message": failed.message} if failed else None


def metrics_facts(material: Material) -> dict[str, Any] | None:
    """Every number that the evaluator gave."""
    score = material.passed.score if material.passed else None
    if score is None or not score.metrics:
        return None
    metrics = [
        (name, str(value).lower() if isinstance(value, bool) else f"{value:.6g}")
        for name, value in score.metrics.items()
    ]
    return {"metrics": metrics, "stopped": score.stopped}


def artifacts_facts(material: Material) -> dict[str, Any] | None:
    """What the evaluator said beside the numbers."""
    score = material.passed.score if material.passed else None
    left = 3 * ARTIFACT_CHARACTERS
    artifacts: list[tuple[str, str]] = []
    for name, text in score.artifacts.items() if score else ():
        shown = text[-min(ARTIFACT_CHARACTERS, left) :] if left > 0 else ""
        if shown.strip():
            artifacts.append((name, shown if shown == text else f"[…]{shown}"))
            left -= len(shown)
    return {"artifacts": artifacts} if artifacts else None


def second_facts(material: Material) -> dict[str, Any] | None:
    """The second parent of a crossover, whole."""
    return _other(material.partner, None) if material.partner else None


def others_facts(material: Material) -> dict[str, Any] | None:
    """Other programs of the archive: their scores, the beginning of their evolve block."""
    taken = (material.base.id, material.partner.candidate.id if material.partner else "")
    others = [one for one in material.inspirations if one.candidate.id not in taken]
    return {"programs": [_other(one, EXCERPT_CHARACTERS) for one in others]} if others else None


def _other(individual: Individual, most: int | None) -> dict[str, Any]:
    candidate = individual.candidate
    return {
        "words": SCORE.words(individual.fitness),
        "note": individual.lineage.note,
        "language": candidate.language,
        "text": candidate.source if most is None else excerpt(candidate.source, most),
    }


INGREDIENTS: dict[str, Callable[[Material], dict[str, Any] | None]] = {
    "problem": task_facts,
    "convention": rules_facts,
    "parent": program_facts,
    "failure": no_score_facts,
    "metrics": metrics_facts,
    "artifacts": artifacts_facts,
    "partner": second_facts,
    "hints": hints_facts,
    "lineage": lineage_facts,
    "inspirations": others_facts,
}
"""As :data:`warploom.propose.writing.prompt.INGREDIENTS`, for programs."""

OPERATORS: tuple[str, ...] = ("improve", "rewrite", "explore", "crossover", "repair")
"""What a model can be asked for of a program."""
