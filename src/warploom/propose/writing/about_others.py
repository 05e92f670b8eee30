"""Other kernels, what was tried before, where a kernel is wanted, and what the person who runs the search says."""

from __future__ import annotations

import math
from typing import Any

from warploom.propose.writing.excerpt import excerpt
from warploom.propose.writing.material import Material
from warploom.propose.writing.tongue import tongue_of
from warploom.values.request import Individual

EXCERPT_CHARACTERS = 5000
"""Of an inspiration's source; a partner is shown whole."""


def partner_facts(material: Material) -> dict[str, Any] | None:
    """The second parent of a crossover, whole."""
    return _kernel(material, material.partner, None) if material.partner else None


def inspirations_facts(material: Material) -> dict[str, Any] | None:
    """Other kernels of the archive: what they reach, what kind they are, the beginning of their evolve block."""
    taken = material.partner.candidate.id if material.partner else ""
    others = [one for one in material.inspirations if one.candidate.id not in (taken, material.base.id)]
    if not others:
        return None
    return {"kernels": [_kernel(material, one, EXCERPT_CHARACTERS) for one in others]}


def _kernel(material: Material, individual: Individual, most: int | None) -> dict[str, Any]:
    candidate = individual.candidate
    sources = candidate.sources if most is None else candidate.sources[:1]
    tongue = tongue_of(candidate.language)
    return {
        "id": candidate.id,
        "speedup": math.exp(individual.fitness),
        "kind": list(material.resolution.words(individual.cell)),
        "island": individual.island,
        "note": individual.lineage.note,
        "parameters": [f"{name} = {value}" for name, value in candidate.parameters],
        "fence": tongue.fence,
        "sources": [
            {"name": name, "text": text if most is None else excerpt(text, most, tongue.comment)}
            for name, text in sources
        ],
    }


def lineage_facts(material: Material) -> dict[str, Any] | None:
    """What was tried on this kernel before and what it gave, and which ideas were tried on others."""
    if not material.attempts and not material.elsewhere:
        return None
    return {
        "attempts": [{"what": one.what, "result": one.result} for one in material.attempts],
        "elsewhere": [{"what": one.what, "result": one.result} for one in material.elsewhere],
    }


def target_facts(material: Material) -> dict[str, Any] | None:
    """The kind of kernel that is wanted, where the search wants one."""
    if material.target_cell is None or material.target_cell == material.cell:
        return None
    wanted = material.resolution.words(material.target_cell)
    own = material.resolution.words(material.cell) if material.cell is not None else ()
    known = material.resolution.meanings(material.cell) if material.cell is not None else ()
    meanings = [words for words in material.resolution.meanings(material.target_cell) if words not in known]
    return {"wanted": [words for words in wanted if words not in own], "whole": list(wanted), "meanings": meanings}


def hints_facts(material: Material) -> dict[str, Any] | None:
    """What the person who runs the search says."""
    return {"hints": list(material.hints)} if material.hints else None
