"""The room that timed shapes get when they meet held-out values."""

from __future__ import annotations

import numpy as np

from warploom.judge.comparison.compare import Allowance, Expected
from warploom.judge.correctness.oracle import STRESS_ROOM, _roomy


def test_the_tolerance_grows_and_nothing_else_changes() -> None:
    values = np.array([1.0, np.nan, -2.0], dtype=np.float32)
    strict = Expected(values, np.array([1e-6, 1e-3, 3e38], dtype=np.float32), values)
    roomy = _roomy(strict)
    assert isinstance(roomy.tolerance, np.ndarray)
    np.testing.assert_allclose(roomy.tolerance[:2], STRESS_ROOM * np.array([1e-6, 1e-3]), rtol=1e-6)
    assert np.isfinite(roomy.tolerance).all()
    assert roomy.tolerance.dtype == np.float32
    assert roomy.values is values
    assert roomy.otherwise is values
    exact = Expected(np.arange(3), Allowance(0.0, 0.0))
    assert _roomy(exact) is exact
