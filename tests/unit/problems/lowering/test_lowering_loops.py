"""Loops over neighbouring elements become one; what would change is left alone."""

from __future__ import annotations

import pytest

from warploom.problems.lowering.flatten import flatten
from warploom.problems.lowering.literal import literal
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render_expression, render_statements


def flattened(body: str) -> str:
    (function,) = parse(f"void f(float* x, const float* y, int64_t a, int64_t b, int64_t c) {{ {body} }}").functions
    return render_statements(flatten(function.body))


def test_a_box_is_one_loop() -> None:
    text = flattened(
        "for (int64_t i = 0; i < a; ++i) for (int64_t j = 0; j < b; ++j) for (int64_t k = 0; k < c; ++k)"
        " x[(i * b + j) * c + k] = y[(i * b + j) * c + k];"
    )
    assert text.count("for") == 1
    assert "i < a * b * c" in text
    assert "x[i] = y[i];" in text


def test_inner_dimensions_are_joined_where_an_outer_one_is_apart() -> None:
    text = flattened(
        "for (int64_t i = 0; i < a; ++i) for (int64_t j = 0; j < b; ++j) for (int64_t k = 0; k < c; ++k)"
        " x[(i * b + j) * c + k] = y[i];"
    )
    assert text.count("for") == 2
    assert "x[i * (b * c) + j] = y[i];" in text


@pytest.mark.parametrize(
    "inner",
    [
        "x[i * b + j] = y[j];",
        "x[i * b + j] = y[i];",
        "x[j * a + i] = y[j * a + i];",
        "x[i * c + j] = y[i * c + j];",
        "x[i * b + j] = j;",
    ],
)
def test_dimensions_that_something_tells_apart_stay_apart(inner: str) -> None:
    text = flattened(f"for (int64_t i = 0; i < a; ++i) for (int64_t j = 0; j < b; ++j) {inner}")
    assert text.count("for") == 2


def test_a_loop_whose_end_depends_on_the_outer_one_stays() -> None:
    text = flattened("for (int64_t i = 0; i < a; ++i) for (int64_t j = 0; j < i; ++j) x[i * i + j] = 0.0f;")
    assert text.count("for") == 2


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (0.1, "float32", "0.1f"),
        (1.0, "float32", "1.0f"),
        (1e-05, "float32", "1e-5f"),
        (0.7071067811865476, "float32", "0.70710678f"),
        (0.1, "float64", "0.1"),
        (3, "int64", "3L"),
        (1, "bool", "true"),
        (float("-inf"), "float32", "-INFINITY"),
        (float("nan"), "float32", "NAN"),
    ],
)
def test_a_number_is_written_as_short_as_gives_it_back(value: float, dtype: str, expected: str) -> None:
    assert render_expression(literal(value, dtype)) == expected
