"""Which differences mean nothing."""

from __future__ import annotations

import math

from warploom.values.outcome import Evaluation

NOISE_FLOOR = 0.01
"""Taken where the judge states none."""


def noise_floor(evaluation: Evaluation) -> float:
    """The noise floor that the judge measured: the smallest difference of log speedups that means anything."""
    stated = evaluation.environment.get("noise_floor", NOISE_FLOOR)
    return float(stated) if isinstance(stated, int | float) else NOISE_FLOOR


def percent(floor: float) -> str:
    """A noise floor, which is a difference of log speedups, for people: "20.9%"."""
    return f"{math.expm1(floor):.1%}"


def ratio(floor: float) -> str:
    """The same in the unit of the speedups beside which it is named: "1.21×"."""
    return f"{math.exp(floor):.2f}×"
