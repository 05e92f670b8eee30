"""How exact a result must be."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.errors import ProblemError
from warploom.values.tensor import is_number


@dataclass(frozen=True)
class Tolerance:
    """How exact a result must be.

    The tolerance is calibrated by the judge from the reference's own error against float64;
    these are the factors on that calibration, and absolute floors for the rare problem that needs them.

    Attributes:
        factor: how many times the reference's own error is allowed. The default passes sums of thousands of float32
            terms in any order, and refuses half precision by a factor of 40 and more; see docs/precision.md.
        absolute: added to the calibrated tolerance of every element.
        relative: added, times the magnitude of the expected element.
    """

    factor: float = 64.0
    absolute: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        if not all(is_number(value) for value in (self.factor, self.absolute, self.relative)):
            raise ProblemError(f"a tolerance is made of finite numbers, not {self}")
        if self.factor <= 0 or self.absolute < 0 or self.relative < 0:
            raise ProblemError(f"a tolerance has a factor above 0 and nothing below 0, not {self}")
