"""Every element counts, and a failure says what and where."""

from __future__ import annotations

import numpy as np
import pytest

from warploom.judge.comparison.compare import CHUNK, Allowance, Expected, compare
from warploom.judge.content.inputs import encode
from warploom.judge.content.layout import Array

POISON = 0x7FC1_2345
N = CHUNK + 77


def expected(values: Array, tolerance: float = 1e-3) -> Expected:
    return Expected(values, np.full(values.size, tolerance, dtype=values.dtype))


def numbers(count: int = N) -> Array:
    return np.random.default_rng(0).standard_normal(count, dtype=np.float32)


def test_right_values_pass_with_their_error() -> None:
    wanted = numbers()
    own = wanted.copy()
    own[N - 3] += np.float32(5e-4)
    found = compare(own, "float32", expected(wanted), POISON)
    assert found.guard == ""
    assert found.worst_index == N - 3
    assert found.max_abs_error == pytest.approx(5e-4, rel=1e-3)
    assert found.max_rel_error == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("where", [0, CHUNK - 1, CHUNK, N - 1])
@pytest.mark.parametrize("tolerance", ["each", "allowance"])
def test_one_wrong_element_is_enough(where: int, tolerance: str) -> None:
    wanted = numbers()
    own = wanted.copy()
    own[where] += np.float32(0.01)
    other = expected(wanted) if tolerance == "each" else Expected(wanted, Allowance(1e-3, 1e-6))
    found = compare(own, "float32", other, POISON)
    assert found.guard == "wrong_result"
    assert found.worst_index == where
    assert f"element {where} is" in found.detail


def test_an_allowance_follows_the_expected_value() -> None:
    wanted = np.array([1.0, 1000.0], dtype=np.float32)
    allowance = Allowance(1e-4, 1e-4)
    assert compare(np.array([1.0, 1000.05], "f4"), "float32", Expected(wanted, allowance), POISON).guard == ""
    assert compare(np.array([1.05, 1000.0], "f4"), "float32", Expected(wanted, allowance), POISON).guard


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_odd_values_only_where_they_belong(odd: float) -> None:
    wanted = numbers(100)
    with_odd = wanted.copy()
    with_odd[17] = odd
    assert compare(with_odd, "float32", expected(with_odd), POISON).guard == ""
    assert compare(with_odd, "float32", expected(wanted), POISON).guard == "not_finite"
    assert compare(wanted, "float32", expected(with_odd), POISON).guard == "not_finite"
    assert compare(-with_odd, "float32", expected(-with_odd), POISON).guard == ""
    if odd == np.inf:
        other = with_odd.copy()
        other[17] = -np.inf
        assert compare(other, "float32", expected(with_odd), POISON).guard == "not_finite"


def test_nan_does_not_hide_a_wrong_neighbour() -> None:
    wanted = numbers(100)
    wanted[17] = np.nan
    own = wanted.copy()
    own[18] += 1
    assert compare(own, "float32", expected(wanted), POISON).guard == "wrong_result"


def test_an_element_may_be_what_the_reference_itself_makes_of_it() -> None:
    wanted = numbers(100)
    wanted[3] = np.inf
    otherwise = wanted.copy()
    otherwise[3] = np.nan
    either = Expected(wanted, np.full(100, 1e-3, "f4"), otherwise)
    assert compare(otherwise, "float32", either, POISON).guard == ""
    assert compare(wanted, "float32", either, POISON).guard == ""
    bad = wanted.copy()
    bad[3] = 5
    assert compare(bad, "float32", either, POISON).guard == "not_finite"


@pytest.mark.parametrize("relative", [0.0, 1e-3])
def test_an_allowance_beside_infinity_is_relative_to_the_alternative(relative: float) -> None:
    infinite, finite = np.full(2, np.inf, "f4"), np.full(2, 2.0, "f4")
    either = Expected(infinite, Allowance(0.0, relative), finite)
    assert compare(infinite, "float32", either, POISON).guard == ""
    assert compare(finite, "float32", either, POISON).guard == ""
    assert compare(finite * np.float32(1.01), "float32", either, POISON).guard == "wrong_result"


def test_what_was_not_written_is_called_so() -> None:
    wanted = numbers()
    own = wanted.copy()
    own.view(np.uint32)[40_00:40_10] = POISON
    found = compare(own, "float32", expected(wanted), POISON)
    assert found.guard == "unwritten_output"
    assert "10 of" in found.detail
    # Poison is no wild card where NaN is expected, and another NaN is right there.
    assert compare(own, "float32", expected(own), POISON).guard == "unwritten_output"
    assert compare(own, "float32", expected(own), POISON + 1).guard == ""


def test_zero_is_right_where_nothing_is_allowed() -> None:
    """A reference without any error of its own, and an answer that is zero: 0 / 0 is no reason to reject."""
    wanted = np.zeros(500, dtype=np.float32)
    exact = Expected(wanted, Allowance(0.0, 1e-6))
    assert compare(wanted.copy(), "float32", exact, POISON).guard == ""
    own = wanted.copy()
    own[7] = 1e-30
    assert compare(own, "float32", exact, POISON).guard == "wrong_result"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bit_floats_are_compared_as_numbers(dtype: str) -> None:
    wanted = numbers(500)
    stored = encode(wanted, dtype)
    assert compare(stored, dtype, expected(wanted, 0.05), POISON).guard == ""
    stored[9] = encode(np.array([9.0], "f4"), dtype)[0]
    assert compare(stored, dtype, expected(wanted, 0.05), POISON).worst_index == 9


def test_double_is_compared_in_double() -> None:
    wanted = numbers(100).astype(np.float64)
    own = wanted.copy()
    own[5] += 1e-10
    assert compare(own, "float64", expected(wanted, 1e-12), 0).guard == "wrong_result"
    assert compare(own, "float64", expected(wanted, 1e-9), 0).guard == ""


def test_integers_are_exact() -> None:
    wanted = np.arange(100, dtype=np.int64)
    own = wanted.copy()
    assert compare(own, "int64", Expected(wanted, Allowance(5, 5)), 3).guard == ""
    own[4] = 5
    found = compare(own, "int64", Expected(wanted, Allowance(5, 5)), 3)
    assert (found.guard, found.worst_index) == ("wrong_result", 4)
    own[4] = 3
    assert compare(own, "int64", Expected(wanted, Allowance(5, 5)), 3).guard == "unwritten_output"
