"""What an evaluation is worth to a run, and what kind of candidate it is about."""

from __future__ import annotations

import math

from warploom.archive.descriptors import describe
from warploom.archive.shapes import describe_program
from warploom.values.candidate import Candidate
from warploom.values.ends import Ends, ends_of_speedup
from warploom.values.measure import SCORE, Measure
from warploom.values.outcome import Passed
from warploom.values.speedup import speedup


def worth(evaluation: Passed, measure: Measure) -> tuple[float, float, Ends | None] | None:
    """Fitness, half-width and ends of its interval: a log speedup over eager, or a score, which has no interval.

    None where it was not measured so: a score counts for nothing where speedups do, and the other way round.
    """
    if measure is SCORE:
        return None if evaluation.score is None else (SCORE.of(evaluation.score.value), 0.0, None)
    shown = speedup(evaluation.timings)
    if shown is None:
        return None
    return math.log(shown.median), math.log(shown.high / shown.low) / 2, ends_of_speedup(shown)


def levels(candidate: Candidate, evaluation: Passed, measure: Measure) -> tuple[int, int, int]:
    """The level of a candidate on each axis of the archive: of a kernel, or of a program."""
    if measure is SCORE:
        return describe_program(candidate.language, candidate.source)
    return describe(candidate, evaluation.build.facts)
