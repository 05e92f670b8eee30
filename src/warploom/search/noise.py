"""Which differences mean nothing."""

from __future__ import annotations

from warploom.values.outcome import Evaluation

NOISE_FLOOR = 0.01
"""Taken where the judge states none."""


def noise_floor(evaluation: Evaluation) -> float:
    """The noise floor that the judge measured, as a fraction."""
    stated = evaluation.environment.get("noise_floor", NOISE_FLOOR)
    return float(stated) if isinstance(stated, int | float) else NOISE_FLOOR
