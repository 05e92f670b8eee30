"""Numbers seen at several shapes become expressions of the axes."""

from __future__ import annotations

import pytest

from warploom.errors import ProblemError
from warploom.problems.lowering.fit import Fit
from warploom.syntax.cpp.render import render_expression
from warploom.syntax.cpp.tree import Expression, Name

AXES = {"n": (6, 3, 5), "m": (10, 7, 16)}


def said(fit: Fit, expression: Expression) -> str:
    """The expression, with the lengths that were given a name written out."""
    named = fit.named.get(expression.text) if isinstance(expression, Name) else None
    return render_expression(expression if named is None else named)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((4, 4, 4), "4"),
        ((6, 3, 5), "n"),
        ((9, 6, 15), "m - 1"),
        ((21, 15, 33), "m * 2 + 1"),
        ((5, 3, 8), "m / 2"),
        ((4, 3, 6), "(m + 2) / 3"),
        ((60, 21, 80), "n * m"),
        ((180, 63, 240), "n * m * 3"),
        ((16, 10, 21), "n + m"),
    ],
)
def test_a_number_is_an_expression_of_the_axes(values: tuple[int, ...], expected: str) -> None:
    fit = Fit(AXES)
    found = fit.whole(values)
    assert found.values == values
    assert said(fit, found.expression) == expected


def test_what_follows_from_a_length_is_a_product_with_it() -> None:
    fit = Fit(AXES)
    inner = fit.whole((8, 5, 14))  # m - 2
    assert render_expression(fit.whole((48, 15, 70)).expression) == f"n * {render_expression(inner.expression)}"


def test_a_word_of_the_problem_is_known() -> None:
    fit = Fit(AXES, ["n*m-7"])
    assert said(fit, fit.whole((53, 14, 73)).expression) == "n * m - 7"


def test_a_number_that_follows_from_nothing_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"\(1234567, 3, 89\) follows from the axes in no simple way"):
        Fit(AXES).whole((1234567, 3, 89))


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (-1, "1.0f / (float)m"),
        (-0.5, "1.0f / std::sqrt((float)m)"),
        (0.5, "std::sqrt((float)m)"),
        (0.25, "std::sqrt(std::sqrt((float)m))"),
    ],
)
def test_a_fraction_is_a_root_or_one_over_a_length(power: float, expected: str) -> None:
    found = Fit(AXES).real([length**power for length in AXES["m"]])
    assert found.expression is not None
    assert render_expression(found.expression) == expected


def test_a_fraction_that_is_the_same_everywhere_is_a_number() -> None:
    found = Fit(AXES).real([0.5, 0.5, 0.5])
    assert (found.value, found.expression) == (0.5, None)
